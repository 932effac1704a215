"""A few power cuts in every run of the suite; `./watchkeeper bench faults` does it twenty times a seed."""

from __future__ import annotations

from pathlib import Path

from tests.faults.chaos import HastyProduct, Plan, run


def test_what_was_acknowledged_is_there_once_however_often_the_hub_is_killed(tmp_path: Path) -> None:
    product = HastyProduct(tmp_path / "data", HASTY_SECONDS="2")
    try:
        found = run(product, Plan(7, kills=3, agents=6, pause=0.2, apart=(0.3, 1.2), again=False), tmp_path)
    finally:
        product.kill()
    assert not found.faults, found.faults[:5]
    assert found.told.acknowledged > 50
    assert found.told.repeats > 5
