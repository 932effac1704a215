"""The shipped product in a hurry: sealed, merged and expired every second, so that kills hit in the middle of it.

    python -m tests.faults.hasty up …    or    python -m tests.faults.hasty run ROLE

Only pauses are shorter; what must hold between them (memory is written before its rows are sealed) still does.
HASTY_SECONDS says how old a row is when it is sealed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import django

PAUSES = {"Seal samples": 1, "Merge samples": 1, "Expire samples": 2}
LEASE = 4.0


def main(words: list[str]) -> int:
    plain = django.setup

    def setup(set_prefix: bool = True) -> None:
        plain(set_prefix)
        hurry()

    django.setup = setup
    from monitor import run, up

    return up.main(words[1:]) if words[0] == "up" else run.main(words[1:])


def hurry() -> None:
    from metrics import journal, merging, sealing, tasks
    from monitor import schedule

    young = int(os.environ.get("HASTY_SECONDS", "15"))
    journal.FLUSH_EVERY, journal.FLUSH_AGAIN = young / 3, young / 15
    sealing.EVERY, sealing.YOUNG = 1000, 1000 * young
    merging.AFTER_MERGE, merging.LATE = 1500, 3000
    for alone in (tasks._sealing, tasks._merging, tasks._expiring):
        alone.lease.seconds = LEASE  # else a killed worker's successor waits a minute
    schedule.JOBS = tuple(replace(job, seconds=PAUSES.get(job.name, job.seconds)) for job in schedule.JOBS)  # type: ignore[assignment]


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
