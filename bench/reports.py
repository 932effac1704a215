"""A year over 1,000 servers and 1,000 checks as a report: CPU and memory of what makes it, its PDF included.

The rollups of the year are written as the store keeps them: hours by metric, with outages in them, and the five
minutes of the days on which something was down, where they are still kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._figures import judged, row

ROOT = Path(__file__).parents[1]
GOAL_CPU, GOAL_MIB = 60.0, 300.0

FILL = """
from bench.reports import fill
fill({servers}, {checks})
"""
ASK = """
from bench.reports import ask
ask({kind!r})
"""


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench reports", description=__doc__, allow_abbrev=False)
    asked.add_argument("--servers", type=int, default=1000)
    asked.add_argument("--checks", type=int, default=1000)
    asked.add_argument("--kinds", nargs="*", default=["availability", "overview"])
    found = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "WATCHKEEPER_DATA": folder, "PYTHONPATH": str(ROOT)}
        env.pop("DATABASE_URL", None)
        _manage(env, "migrate", "-v", "0")
        _manage(env, "shell", "-v", "0", "-c", FILL.format(servers=found.servers, checks=found.checks))
        for kind in found.kinds:
            _one(env, kind, f"{found.servers} servers and {found.checks} checks")
    return 0


def _manage(env: dict[str, str], *argv: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *argv], cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _one(env: dict[str, str], kind: str, what: str) -> None:
    told = json.loads(_manage(env, "shell", "-v", "0", "-c", ASK.format(kind=kind)))
    began = time.monotonic()
    pid = os.posix_spawn(sys.executable, [sys.executable, "manage.py", "make_report", told["uuid"]], env)
    _, status, used = os.wait4(pid, 0)
    taken = time.monotonic() - began
    name = f"{kind}: a year over {what}"
    row(f"{name}, done", f"{'yes' if status == 0 else 'no'}, {taken:.1f} s", "yes")
    cpu, mib = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    judged(f"{name}, CPU", f"{cpu:.1f} s", f"<= {GOAL_CPU:.0f} s")
    judged(f"{name}, memory", f"{mib:.0f} MiB", f"<= {GOAL_MIB:.0f} MiB")
    files = Path(env["WATCHKEEPER_DATA"]) / "reports"
    for one in sorted(files.glob(f"{told['uuid']}.*")):
        row(f"{kind}, {one.suffix[1:]}", f"{one.stat().st_size / 1024:.0f} KiB", "")


def ask(kind: str) -> None:
    """Inside of the product: a run of last year up to now that waits."""
    from datetime import timedelta

    from accounts.models import User
    from core.clock import now
    from reports.models import Run

    at = now().replace(minute=0, second=0, microsecond=0)
    run = Run.objects.create(
        owner=User.objects.get(), kind=kind, period="custom", start=at - timedelta(days=365), end=at
    )
    print(json.dumps({"uuid": str(run.uuid)}))


def fill(servers: int, checks: int = 0) -> None:
    """Inside of the product: people, servers, checks, and a year of rollups."""
    from bench._year import Year

    Year(servers, checks).write()


if __name__ == "__main__":
    sys.exit(main())
