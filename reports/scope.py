"""Which servers a report is about: those its person may report on, that a selector means; removed ones by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Min

from accounts.base import REPORT, holding, narrow
from accounts.models import Audit, Team, User
from core import selector
from core.clock import from_milliseconds, milliseconds
from metrics import store
from reports.engine.availability import Window
from reports.engine.spans import Span, Spans
from reports.models import Life
from servers.models import Server

DAY = 86_400_000
OURS = ("anomaly_", "forecast_", "failure_risk_", "check_", "silent_seconds", "condition")
"""What we make ourselves is no sign of a machine's life."""


@dataclass(slots=True)
class Machine:
    """A server as a report knows it; `number` is none once it was removed."""

    uuid: str
    name: str
    team: int
    words: dict[str, list[str]]
    began: int
    """Its first sample, however long that was before it was enrolled; without any, when it was enrolled."""
    ended: int | None = None
    number: int | None = None
    interval: int = 10_000
    silent: Spans = field(default_factory=list)
    known_from: int = 0
    paused: bool = False
    heard: bool = True
    """It told something at least once; time before that is neither down nor unknown, nobody watched."""
    patience: int = 0
    """Milliseconds of silence that count, where it is not what its interval gives."""

    @property
    def removed(self) -> bool:
        return self.number is None

    def life(self, start: int, end: int) -> Span:
        if not self.heard:
            return start, start
        return max(start, self.began, self.known_from), min(end, self.ended or end)


@dataclass(slots=True)
class Scope:
    """What one report may speak of."""

    machines: list[Machine]
    teams: dict[int, str]
    start: int
    end: int
    out: list[int] = field(default_factory=list)
    """Numbers of living ones that were meant but for their environment: not in production, and not named by it."""

    @property
    def left(self) -> int:
        return len(self.out)

    @property
    def living(self) -> dict[int, Machine]:
        return {one.number: one for one in self.machines if one.number is not None}


def of(user: User | None, team: Team | None, text: str, start: datetime, end: datetime) -> Scope:
    """For a person what they may report on; for no person, as a schedule of a team asks and mails it, the team's:
    of what is simulated nobody gets mail."""
    asked = selector.parse(text)
    servers = Server.objects.watched().filter(demo=False) if user is None else Server.objects.visible_to(user, REPORT)
    if team is not None:
        servers = servers.filter(team=team)
    fields = ("uuid", "name", "hostname", "tags", "role", "os", "family", "site", "environment", "team", "interval",
              "created_at", "paused")  # fmt: skip
    told, until = store.firsts(OURS), _ms(end)
    there = [living(row, told) for row in servers.only(*fields).order_by("name", "pk")]
    there = [machine for machine in there if machine.began < until]
    machines = [machine for machine in there if asked.matches(machine.words)]
    named = {machine.uuid for machine in machines}
    out = [machine.number or 0 for machine in there if machine.uuid not in named and asked.test(machine.words)]
    machines += _removed(user, team, text, start, end)
    teams = dict(Team.objects.filter(pk__in={one.team for one in machines}).values_list("pk", "name"))
    return Scope(machines, teams, _ms(start), min(_ms(end), milliseconds()), out)


def oldest(user: User) -> datetime | None:
    """About since when there is something that this person may report on."""
    servers = Server.objects.visible_to(user, REPORT)
    lives = Life.objects.filter(team__in=teams_of(user), stands_for="")
    made, lived = servers.aggregate(at=Min("created_at"))["at"], lives.aggregate(at=Min("began_at"))["at"]
    told = store.oldest(list(servers.order_by().values_list("pk", flat=True)))
    return min((one for one in (made, lived, from_milliseconds(told) if told else None) if one), default=None)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def living(row: Server, told: dict[int, int]) -> Machine:
    """As it stands; `told` has the first sample of each server."""
    return Machine(
        str(row.uuid), row.name, row.team_id, row.words(), told.get(row.pk, _ms(row.created_at)), number=row.pk,
        interval=1000 * row.interval, paused=row.paused, heard=row.pk in told,
    )  # fmt: skip


def _removed(user: User | None, team: Team | None, text: str, start: datetime, end: datetime) -> list[Machine]:
    lives = Life.objects.during(start, end).filter(stands_for="")
    if user is not None:
        lives = lives.filter(team__in=Team.objects.filter(pk__in=teams_of(user)))
    if team is not None:
        lives = lives.filter(team=team)
    asked = selector.parse(text).matches
    found = []
    for life in lives.order_by("name", "pk"):
        if asked(life.words) and (user is None or reaches(user, life)):
            spans = [(int(a), int(b)) for a, b in life.silent]
            found.append(
                Machine(
                    str(life.uuid), life.name, life.team_id, life.words, _ms(life.began_at), _ms(life.ended_at),
                    silent=spans, known_from=life.known_from,
                )
            )  # fmt: skip
    return found


def teams_of(user: User) -> list[int]:
    """Teams in which this person reports on all servers or on some."""
    if user.is_superuser:
        return list(Team.objects.values_list("pk", flat=True))
    return list(user.memberships.filter(role__in=holding(REPORT)).values_list("team", flat=True))


def reaches(user: User, life: Life) -> bool:
    """The same bounds as for servers that live: the role's selector and the token's."""
    bound = narrow.text_for(user, life.team_id, REPORT)
    return not bound or selector.parse(bound).matches(life.words)


def pauses(machines: list[Machine], start: int, end: int) -> dict[str, list[Window]]:
    """When each was paused, by the trail: a machine that nobody expects to report is not down."""
    named = {one.uuid: one for one in machines}
    changes: dict[str, list[tuple[int, bool]]] = {}
    rows = Audit.objects.filter(action="server.change", after__has_key="paused").order_by("at", "pk")
    for target, at, after in rows.values_list("target_id", "at", "after").iterator():
        if target in named:
            changes.setdefault(target, []).append((_ms(at), bool(after["paused"])))
    found = {}
    for uuid, machine in named.items():
        if told := changes.get(uuid) or ([(machine.began, True)] if machine.paused else []):
            found[uuid] = list(_windows(told, start, end))
    return found


def _windows(told: list[tuple[int, bool]], start: int, end: int) -> list[Window]:
    found: list[Window] = []
    since = None if told[0][1] else min(start, told[0][0])
    for at, paused in told:
        if paused and since is None:
            since = at
        elif not paused and since is not None:
            found.append(Window(since, at, since))
            since = None
    if since is not None:
        found.append(Window(since, end, since))
    return [one for one in found if one.end > start and one.start < end]
