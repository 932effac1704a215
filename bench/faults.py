"""Power cuts and other troubles under load, and whether anything acknowledged was lost, changed or doubled."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench._figures import row
from tests.faults.chaos import HastyProduct, HastyScaleOut, Plan, Running, Trouble, run
from tests.faults.troubles import Postgres, full, jumping, small_disk
from tests.services import _create, _drop, running


def main() -> int:
    asked = _asked()
    return max(_once(asked, seed) for seed in asked.seed)


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench faults", description=__doc__, allow_abbrev=False)
    asked.add_argument("trouble", nargs="?", choices=("kills", "database", "disk", "clock"), default="kills")
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    asked.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    asked.add_argument("--agents", type=int, default=24)
    asked.add_argument("--keep", help="a folder in which everything is left for a look")
    return asked.parse_args()


def _once(asked: argparse.Namespace, seed: int) -> int:
    with ExitStack() as stack:
        folder = Path(asked.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        plan = Plan(seed, asked.kills if asked.trouble == "kills" else 0, asked.agents, before=20.0)
        product, trouble = _made(asked, folder, stack)
        return run_in(product, plan, folder, trouble)


def _made(asked: argparse.Namespace, folder: Path, stack: ExitStack) -> tuple[Running, Trouble | None]:
    if asked.trouble == "database":
        server = Postgres()
        stack.callback(server.close)
        return HastyScaleOut(folder / "data", server.begin(), running.redis()), server.away(8.0)
    more, trouble = jumping(folder) if asked.trouble == "clock" else ({}, None)
    if asked.db == "postgres":
        database = _database()
        stack.callback(_drop, database)
        return HastyScaleOut(folder / "data", database, running.redis(), **more), trouble
    if asked.trouble != "disk":
        return HastyProduct(folder / "data", **more), trouble
    disk = stack.enter_context(small_disk(folder / "disk", 160))
    product = HastyProduct(disk / "data")
    product.log = folder / "log"
    return product, full(disk, 20.0, product.is_ready)


def run_in(product: Running, plan: Plan, folder: Path, trouble: Trouble | None) -> int:
    try:
        found = run(product, plan, folder, trouble)
    finally:
        product.kill()
    print(f"seed {plan.seed}: {found.summary()}")
    for fault in found.faults[:20]:
        print(f"  {fault}")
    row(f"seed {plan.seed}: lost, changed, doubled or strange", str(len(found.faults)), "0")
    return int(bool(found.faults))


def _database() -> str:
    base, _, _ = running.postgres().rpartition("/")
    url = f"{base}/watchkeeper_{secrets.token_hex(4)}"
    _create(url)
    return url


if __name__ == "__main__":
    sys.exit(main())
