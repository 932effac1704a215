"""What stays of a server that is removed: its name, its time, and when it was silent."""

from __future__ import annotations

import logging

from django.db import DatabaseError, transaction

from core.clock import from_milliseconds, milliseconds
from reports.models import Life
from reports.reach import Reader
from reports.scope import DAY, Machine
from servers.models import Server

log = logging.getLogger(__name__)

BACK = 400 * DAY
MOST_SPANS = 5000


def remember(numbers: list[int]) -> None:
    """In the transaction that removes them. That nothing can be read of their past must not hold that up."""
    at = milliseconds()
    rows = list(Server.objects.watched().filter(pk__in=numbers))
    machines = [_machine(row) for row in rows]
    silent = {} if not machines else _silent(machines, at)
    Life.objects.bulk_create(
        [
            Life(
                uuid=row.uuid, team_id=row.team_id, name=row.name, words=row.words(), began_at=row.created_at,
                ended_at=from_milliseconds(at), silent=silent.get(row.pk, [])[-MOST_SPANS:],
                known_from=max(at - BACK, machine.began) if row.pk in silent else at,
            )
            for row, machine in zip(rows, machines, strict=True)
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _machine(row: Server) -> Machine:
    began = round(row.created_at.timestamp() * 1000)
    return Machine(str(row.uuid), row.name, row.team_id, {}, began, number=row.pk, interval=1000 * row.interval)


def _silent(machines: list[Machine], at: int) -> dict[int, list[tuple[int, int]]]:
    begin = max(at - BACK, min(one.began for one in machines))
    try:
        with transaction.atomic():
            return Reader(begin, at).silent(machines) if begin < at else {}
    except (DatabaseError, ValueError):
        log.exception("What removed servers told could not be read: reports name them without figures")
        return {}
