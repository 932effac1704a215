"""A disk without a byte left: the hub says so, its agents keep what they have, and then all of it arrives."""

from __future__ import annotations

from pathlib import Path

from tests.faults.chaos import HastyProduct, Plan, run
from tests.faults.troubles import full, small_disk
from tests.services import NotHere, not_here


def test_nothing_is_lost_while_the_disk_is_full(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk", 120) as disk:
            product = HastyProduct(disk / "data", HASTY_SECONDS="2")
            product.log = tmp_path / "log"
            try:
                plan = Plan(3, kills=0, agents=4, pause=0.2, again=False)
                found = run(product, plan, tmp_path, full(disk, 2.0, product.is_ready))
            finally:
                product.kill()
    except NotHere as missing:
        not_here(str(missing))
    assert not found.faults, found.faults[:5]
    assert found.told.statuses[503] > 5
    assert set(found.told.statuses) == {200, 503}
