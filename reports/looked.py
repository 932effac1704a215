"""When checks from outside failed, and when nobody looked; removed ones for the time that they stood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.base import REPORT
from accounts.models import Team
from checks.models import Check
from checks.services import judged
from reports import scope
from reports.engine.spans import Span, Spans, joined
from reports.kinds.base import Asked
from reports.models import Life
from reports.reach import Reader
from reports.scope import Machine
from servers.models import CHECK


@dataclass(frozen=True, slots=True)
class Looked:
    """A check in one time: `machine` carries the words by which planned times are meant."""

    uuid: str
    name: str
    of: str
    machine: Machine
    life: Span
    bad: Spans
    blind: Spans
    removed: int | None = None
    """Milliseconds; none while it stands."""


def checks(asked: Asked, team: int | None, reader: Reader) -> Iterator[Looked]:
    """Those of the servers that the report is about, and those that stand alone where it is about everything."""
    yield from _standing(asked, team, reader)
    yield from _removed(asked, team, reader)


def _standing(asked: Asked, team: int | None, reader: Reader) -> Iterator[Looked]:
    rows = (
        Check.objects.filter(server__demo=False)
        if asked.user is None
        else Check.objects.visible_to(asked.user, REPORT)
    )
    if team is not None:
        rows = rows.filter(team=team)
    named = asked.scope.living
    there = rows.filter(created_at__lt=asked.end).select_related("server").order_by("name", "pk")
    meant = [check for check in there if check.server_id in named or (check.alone and asked.whole)]
    step = asked.part(0.9, 1.0)
    for place, check in enumerate(meant):
        step(place / len(meant))
        machine = named.get(check.server_id) or _alone(check)
        begin = max(reader.start, round(check.created_at.timestamp() * 1000))
        if begin < reader.end:
            found = judged(check, begin, reader.end)
            bad, blind = found.bad(begin, reader.end), found.unknown(begin, reader.end)
            of = "" if check.alone else machine.name
            life = begin, reader.end
            yield Looked(str(check.uuid), check.name, of, machine, life, joined(bad), joined(blind))


def _removed(asked: Asked, team: int | None, reader: Reader) -> Iterator[Looked]:
    lives = Life.objects.during(asked.start, asked.end).filter(stands_for=CHECK)
    if asked.user is not None:
        lives = lives.filter(team__in=Team.objects.filter(pk__in=scope.teams_of(asked.user)))
    if team is not None:
        lives = lives.filter(team=team)
    named = {one.uuid for one in asked.scope.machines}
    for row in lives.order_by("name", "pk"):
        meant = str(row.machine) in named or (not row.of and asked.whole)
        if not meant or (asked.user is not None and not scope.reaches(asked.user, row)):
            continue
        began, ended = (round(at.timestamp() * 1000) for at in (row.began_at, row.ended_at))
        life = max(reader.start, began, row.known_from), min(reader.end, ended)
        if life[0] < life[1]:
            machine = Machine(str(row.machine), row.of or row.name, row.team_id, row.words, began, ended)
            bad, blind = (joined((int(a), int(b)) for a, b in spans) for spans in (row.silent, row.blind))
            yield Looked(str(row.uuid), row.name, row.of, machine, life, bad, blind, ended)


def _alone(check: Check) -> Machine:
    row = check.server
    began = round(check.created_at.timestamp() * 1000)
    return Machine(str(row.uuid), check.name, check.team_id, row.words(), began, number=row.pk)
