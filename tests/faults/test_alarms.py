"""A few power cuts under alarms in every run; `./watchkeeper bench alarms` does it twenty times a seed."""

from __future__ import annotations

from pathlib import Path

from tests.faults.alarms import Plan, run
from tests.faults.chaos import HastyProduct


def test_each_breach_and_its_end_are_told_once_however_often_the_hub_is_killed(tmp_path: Path) -> None:
    product = HastyProduct(tmp_path / "data", WATCHKEEPER_OUTGOING_ALLOW="127.0.0.0/8")
    try:
        found = run(product, Plan(7, kills=2, servers=4, rounds=6, apart=(0.3, 1.2), pause=0.3))
    finally:
        product.kill()
    assert found.lost == []
    assert found.strange == []
    assert (found.expected, found.doubled) == (2 * 4 * 6, 0)
