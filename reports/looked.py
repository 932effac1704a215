"""When checks from outside failed, and when nobody looked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.base import REPORT
from checks.models import Check
from checks.services import judged
from reports.engine.spans import Spans, joined
from reports.kinds.base import Asked
from reports.reach import Reader
from reports.scope import Machine

MOST = 2000


@dataclass(frozen=True, slots=True)
class Looked:
    """A check in one time: `machine` carries the words by which planned times are meant."""

    check: Check
    machine: Machine
    bad: Spans
    blind: Spans


def checks(asked: Asked, team: int | None, reader: Reader) -> Iterator[Looked]:
    """Those of the servers that the report is about, and those that stand alone where it is about everything."""
    rows = Check.objects.all() if asked.user is None else Check.objects.visible_to(asked.user, REPORT)
    if team is not None:
        rows = rows.filter(team=team)
    named = asked.scope.living
    for check in rows.filter(created_at__lt=asked.end).select_related("server").order_by("name", "pk")[:MOST]:
        if check.server_id not in named and not (check.alone and asked.whole):
            continue
        machine = named.get(check.server_id) or _alone(check)
        begin = max(reader.start, round(check.created_at.timestamp() * 1000))
        if begin < reader.end:
            found = judged(check, begin, reader.end)
            bad, blind = found.bad(begin, reader.end), found.unknown(begin, reader.end)
            yield Looked(check, machine, joined(bad), joined(blind))


def _alone(check: Check) -> Machine:
    row = check.server
    began = round(check.created_at.timestamp() * 1000)
    return Machine(str(row.uuid), check.name, check.team_id, row.words(), began, number=row.pk)
