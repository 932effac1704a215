"""Kill -9 of the product at random under load, and whether anything acknowledged was lost, changed or doubled."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from bench.figures import row
from tests.faults.chaos import HastyProduct, HastyScaleOut, Plan, Running, run
from tests.services import _create, _drop, running


def main() -> int:
    asked = _asked()
    return max(_once(asked, seed) for seed in asked.seed)


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench faults", description=__doc__)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    asked.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    asked.add_argument("--agents", type=int, default=24)
    asked.add_argument("--keep", help="a folder in which everything is left for a look")
    return asked.parse_args()


def _once(asked: argparse.Namespace, seed: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(asked.keep or name)
        folder.mkdir(exist_ok=True)
        database = _database() if asked.db == "postgres" else ""
        product: Running = (
            HastyScaleOut(folder / "data", database, running.redis()) if database else HastyProduct(folder / "data")
        )
        try:
            with_faults = run_in(product, Plan(seed, asked.kills, asked.agents, before=20.0), folder)
        finally:
            if database and not asked.keep:
                _drop(database)
    return with_faults


def run_in(product: Running, plan: Plan, folder: Path) -> int:
    try:
        found = run(product, plan, folder)
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
