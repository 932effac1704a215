"""Alerts under power cuts with a moody receiver: none lost, few repeated.

`receiver`: receivers in every kind of trouble, side by side. `storm`: a thousand alerts at once. `away`: the hub
itself is away for two minutes under the rule "server down". `two`: two of every role, their clocks 30 s apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench._figures import row
from bench.faults import _database
from tests.faults import alarms, away, receivers
from tests.faults.chaos import HastyProduct, HastyScaleOut, Running, TwoOfEach
from tests.faults.troubles import ahead
from tests.services import _drop, running

ALLOW: dict[str, Any] = {"WATCHKEEPER_OUTGOING_ALLOW": "127.0.0.0/8"}


def main() -> int:
    asked = _asked()
    if asked.what == "storm":
        return _storm(asked.servers or 1000)
    if asked.what == "away":
        return _away(asked)
    if asked.what == "receiver":
        return _receiver(asked)
    if asked.what == "two":
        asked.db, asked.kills, asked.seed = "two", 0, asked.seed[:1]
    return max(_kills(asked, seed) for seed in asked.seed)


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench alarms", description=__doc__, allow_abbrev=False)
    asked.add_argument("what", nargs="?", choices=("kills", "receiver", "storm", "away", "two"), default="kills")
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    asked.add_argument("--servers", type=int)
    asked.add_argument("--rounds", type=int, default=40)
    asked.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    asked.add_argument("--keep", help="a folder in which everything is left for a look")
    return asked.parse_args()


def _kills(asked: argparse.Namespace, seed: int) -> int:
    with ExitStack() as stack:
        product = _product(asked, stack)
        found = alarms.run(product, alarms.Plan(seed, asked.kills, asked.servers or 25, asked.rounds))
    print(f"seed {seed}: {found.summary()}")
    for fault in (*found.lost[:10], *found.strange[:10]):
        print(f"  {fault}")
    again = 100 * found.repeated / max(1, found.expected)
    row(f"seed {seed}: lost of {found.expected}", str(len(found.lost)), "0")
    row(f"seed {seed}: repeated, beyond what the receiver died of", f"{again:.2f} %", "<= 1 %")
    return int(bool(found.lost or found.strange or found.doubled))


def _product(asked: argparse.Namespace, stack: ExitStack) -> Running:
    """Killed when the stack ends."""
    folder = Path(asked.keep or stack.enter_context(tempfile.TemporaryDirectory()))
    folder.mkdir(exist_ok=True)
    product: Running = HastyProduct(folder / "data", **ALLOW)
    if asked.db == "postgres":
        database = _database()
        stack.callback(_drop, database)
        product = HastyScaleOut(folder / "data", database, running.redis(), **ALLOW)
    if asked.db == "two":
        database = _database()
        stack.callback(_drop, database)
        product = TwoOfEach(folder / "data", database, running.redis(), ahead(folder, 30), **ALLOW)
    stack.callback(product.kill)
    return product


def _receiver(asked: argparse.Namespace) -> int:
    """One channel well, the others in their troubles; what each of them was owed and got."""
    with ExitStack() as stack:
        found = receivers.run(_product(asked, stack), asked.servers or 4, min(asked.rounds, 12))
    for one in found:
        said = f"{len(one.lost)} lost, {one.repeated} repeated, {one.tries} tries, slowest {one.slowest:.1f} s"
        row(f"receiver {one.trouble}: of {one.expected}", f"{said}, the last {one.late:.0f} s after", "0 lost")
        for fault in (*one.lost[:5], *one.strange[:5]):
            print(f"  {fault}")
    return int(any(one.lost or one.strange for one in found))


def _away(asked: argparse.Namespace) -> int:
    with ExitStack() as stack:
        found = away.run(_product(asked, stack), asked.servers or 20)
    row("false downs after two minutes away", str(len(found.false)), "0")
    row(
        "the one that was silent, told",
        f"{', '.join(found.told)}, first after {found.after:.0f} s",
        "once, its end once",
    )
    for fault in found.false[:10]:
        print(f"  {fault}")
    return int(bool(found.false) or found.told != ["firing", "resolved"])


def _storm(servers: int) -> int:
    """At once over one channel and over three, and with a group wait of 30 s."""
    for wait, channels, wanted in ((0, 1, "<= 60 s"), (0, 3, "<= 60 s"), (30, 3, "<= 60 s, one message each")):
        with tempfile.TemporaryDirectory() as folder, HastyProduct(Path(folder) / "data", **ALLOW) as product:
            seconds, messages = alarms.storm(product, servers, channels, group_wait=wait)
        name = f"{servers} alerts at once, wait {wait} s, {channels} channels"
        row(name, f"{seconds:.1f} s in {', '.join(map(str, messages))} messages", wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
