"""What stays of a server or check that is removed: its name, its time, and when it was silent or failed."""

from __future__ import annotations

import logging

from django.db import DatabaseError, transaction

from checks.models import Check
from checks.services import judged, uptime
from core.clock import from_milliseconds, milliseconds
from metrics.store import firsts
from reports.models import Life
from reports.reach import Reader
from reports.scope import DAY, OURS, Machine, living
from servers.models import CHECK, Server

log = logging.getLogger(__name__)

BACK = 400 * DAY
MOST_SPANS = 5000


def remember(numbers: list[int]) -> None:
    """In the transaction that removes them. That nothing can be read of their past must not hold that up."""
    at = milliseconds()
    rows = list(Server.objects.watched().filter(pk__in=numbers, demo=False))
    told = firsts(OURS) if rows else {}
    machines = [living(row, told) for row in rows]
    silent = {} if not machines else _silent([one for one in machines if one.heard], at)
    remember_checks(list(Check.objects.filter(server__in=[row.pk for row in rows]).select_related("server")))
    Life.objects.bulk_create(
        [
            Life(
                uuid=row.uuid, team_id=row.team_id, name=row.name, words=row.words(),
                began_at=from_milliseconds(machine.began), ended_at=from_milliseconds(at),
                silent=silent.get(row.pk, [])[-MOST_SPANS:],
                known_from=max(at - BACK, machine.began) if row.pk in silent else at,
            )
            for row, machine in zip(rows, machines, strict=True)
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def remember_checks(checks: list[Check]) -> None:
    """The same of checks, in the transaction that removes them or their machine."""
    at = milliseconds()
    found = {check.pk: _judged(check, at) for check in checks}
    Life.objects.bulk_create(
        [
            Life(
                uuid=check.uuid, team_id=check.team_id, name=check.name, stands_for=CHECK, machine=check.server.uuid,
                of="" if check.alone else check.server.name, words=check.server.words(), began_at=check.created_at,
                ended_at=from_milliseconds(at), silent=known.bad(begin, at)[-MOST_SPANS:],
                blind=known.unknown(begin, at)[-MOST_SPANS:], known_from=begin,
            )
            for check in checks
            for begin, known in [found[check.pk]]
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _judged(check: Check, at: int) -> tuple[int, uptime.Known]:
    begin = max(at - BACK, round(check.created_at.timestamp() * 1000))
    try:
        with transaction.atomic():
            return begin, judged(check, begin, at) if begin < at else uptime.nothing()
    except (DatabaseError, ValueError):
        log.exception("What a removed check found could not be read: reports name it without figures")
        return at, uptime.nothing()


def _silent(machines: list[Machine], at: int) -> dict[int, list[tuple[int, int]]]:
    begin = max(at - BACK, min((one.began for one in machines), default=at))
    try:
        with transaction.atomic():
            return Reader(begin, at).silent(machines) if begin < at else {}
    except (DatabaseError, ValueError):
        log.exception("What removed servers told could not be read: reports name them without figures")
        return {}
