"""Which servers are judged, by which model and threshold; read anew when somebody says that it changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core import runner
from core.clock import milliseconds, now
from metrics.models import Uses
from ml import hours, versions
from ml.budget import FLOOR
from ml.hours import Hours
from ml.models import ModelVersion, Training, Watch
from ml.preprocess import GRID_MS
from ml.stacked import Reason, Stack
from ml.training.plan import SOON, first_due, grown_due
from servers.models import Server

CHANGED = "models"  # woken when a version, a threshold or what is paused became another
READ_EVERY = 60.0
ASKED_AT_ONCE = 500
EARLIER = 3_600_000
SETTLES = timedelta(seconds=60)  # more of the past may be on its way


@dataclass(slots=True)
class Known:
    """One server as the scorer knows it."""

    server: int
    uuid: str
    interval_ms: int
    paused: bool
    since: int = 0
    full: bool = False
    threshold: float = FLOOR
    version: int = 0
    """The row of its model; 0 while nothing is learnt."""
    number: int = 0
    schema: str = ""
    columns: tuple[str, ...] = ()
    tick_ms: int = GRID_MS
    hours: Hours = field(default_factory=dict)
    hours_at: int = 0
    """The hour up to which its maxima are written down."""
    fresh_at: datetime | None = None
    """When a night last compared its model with the days before."""
    mark: int = 0
    """The newest row that was judged: nothing is judged twice."""
    heard: float = 0.0
    silent: bool = False
    told: tuple[float, float, int] | None = None
    """While it is learnt: score, rate and when."""
    why: tuple[int, tuple[Reason, ...]] | None = None
    """While its score is high: of when, and which metrics are to blame."""
    worded: float = float("-inf")
    """When that was written down last."""
    over: bool = False
    """Whether its last score was over the limit."""

    @property
    def judged(self) -> bool:
        return bool(self.version) and not self.paused


class Book:
    """All servers with a watch; strangers get one when they first report."""

    def __init__(self) -> None:
        self.known: dict[int, Known] = {}
        self.stack = Stack()
        self.changed = runner.flag(CHANGED)
        self.monotonic: Callable[[], float] = time.monotonic
        self.read_at = float("-inf")
        self.unknown: set[int] = set()
        """Rows that no machine stands behind, such as our own: not asked for again until the next reading."""

    def forget(self) -> None:
        self.known.clear()
        self.stack = Stack()
        self.read_at = float("-inf")

    def refresh(self, seen: dict[int, int]) -> None:
        """`seen` are servers that reported, each with its first row: those that nobody watches yet are begun."""
        strangers = {one: at for one, at in seen.items() if one not in self.known and one not in self.unknown}
        self._widen({one: at for one, at in seen.items() if at < self._since(one) - EARLIER})
        due = self.changed.is_set() or self.monotonic() - self.read_at >= READ_EVERY
        if not due and not strangers:
            return
        self.changed.clear()
        if strangers:
            self._begin(strangers)
        self._read()

    def _begin(self, strangers: dict[int, int]) -> None:
        there = set(Server.objects.watched().filter(pk__in=list(strangers)).values_list("pk", flat=True))
        self.unknown |= strangers.keys() - there
        first = dict(_first(sorted(there)))
        since = {one: min(first.get(one, strangers[one]), strangers[one]) for one in sorted(there)}
        fresh = [Watch(server_id=one, since=at) for one, at in since.items()]
        Watch.objects.bulk_create(fresh, ignore_conflicts=True)
        due = [Training(server_id=one.server_id, why="first", due_at=first_due(one.since)) for one in fresh]
        Training.objects.bulk_create(due, ignore_conflicts=True)

    def _since(self, server: int) -> int:
        known = self.known.get(server)
        return known.since if known else 0

    def _widen(self, earlier: dict[int, int]) -> None:
        """More of the past came, as when a spool or another tool's history is brought in: learn from it soon."""
        for server, at in earlier.items():
            known = self.known[server]
            known.since = at
            Watch.objects.filter(server=server).update(since=at)
            if not known.full:
                due = max(grown_due(at), now() + SETTLES)
                Training.objects.filter(server=server, why="day", state="due").update(due_at=due)

    @staticmethod
    def returned(servers: list[int]) -> None:
        """They speak again: what waits for rows of those that have no model waits a quarter of an hour at most."""
        soon = now() + timedelta(milliseconds=SOON)
        waiting = Training.objects.filter(server__in=servers, state="due", due_at__gt=soon)
        waiting.update(due_at=soon)

    def _read(self) -> None:
        self.read_at = self.monotonic()
        self.unknown.clear()
        rows = Watch.objects.filter(server__internal=False).values_list(
            "server_id", "server__uuid", "server__interval", "server__paused", "since", "full_at", "threshold",
            "version_id", "silent", "maxima", "fresh_at", named=True,
        )  # fmt: skip
        found: dict[int, int] = {}
        compared: list[Known] = []
        for row in rows.iterator():
            one = self._known(row)
            if one.version and one.version == row.version_id and one.fresh_at != row.fresh_at:
                compared.append(one)
            one.fresh_at = row.fresh_at
            found[one.server] = row.version_id or 0
        for gone in self.known.keys() - found.keys():
            del self.known[gone]
            self.stack.drop(gone)
        self._load([self.known[server] for server, version in found.items() if version != self.known[server].version])
        for server, version in found.items():
            if not version and self.known[server].version:
                self._without(self.known[server])
        self._compare(compared)

    def _known(self, row: Any) -> Known:
        one = self.known.get(row.server_id)
        if one is None:
            one = Known(row.server_id, str(row.server__uuid), 0, row.server__paused, silent=row.silent)
            # Who was silent when we stopped is so until it speaks.
            one.heard = float("-inf") if row.silent else self.read_at
            one.hours = hours.unpack(row.maxima)
            one.hours_at = milliseconds() // hours.HOUR
            self.known[one.server] = one
        one.interval_ms, one.paused, one.since = 1000 * row.server__interval, row.server__paused, row.since
        one.full, one.threshold = row.full_at is not None, row.threshold
        return one

    def _load(self, changed: list[Known]) -> None:
        """The models that became others, a few hundred at once."""
        for place in range(0, len(changed), ASKED_AT_ONCE):
            part = {one.server: one for one in changed[place : place + ASKED_AT_ONCE]}
            fresh = _fresh(list(part))
            for row in ModelVersion.objects.current().filter(server__in=list(part)).iterator(chunk_size=50):
                self._take(part[row.server_id], row, fresh.get(row.pk, b""))

    def _compare(self, changed: list[Known]) -> None:
        """The same models after a night; what they saw a moment ago is kept."""
        for place in range(0, len(changed), ASKED_AT_ONCE):
            part = {one.version: one for one in changed[place : place + ASKED_AT_ONCE]}
            for version, blob in _fresh([one.server for one in part.values()]).items():
                if version in part and part[version].server in self.stack:
                    server = part[version].server
                    self.stack.refresh(server, versions.compared(self.stack.model(server), blob))

    def _take(self, one: Known, row: ModelVersion, fresh: bytes) -> None:
        model = versions.read(row)
        if model is None:
            # Damaged, or of another version of ours: learnt anew, and until then nothing is said.
            self._without(one)
            again = Training(server_id=one.server, why="first", due_at=now())
            Training.objects.bulk_create([again], ignore_conflicts=True)
            return
        if one.version:  # a new model was made with maxima of its own
            one.hours = hours.unpack(Watch.objects.filter(server=one.server).values_list("maxima", flat=True)[0])
        one.version, one.number, one.schema = row.pk, row.number, row.schema
        one.columns, one.tick_ms, one.why = model.columns, model.tick_ms, None
        self.stack.put(one.server, versions.compared(model, fresh))

    def _without(self, one: Known) -> None:
        one.version, one.number, one.schema, one.columns = 0, 0, "", ()
        one.why = None
        self.stack.drop(one.server)


def _fresh(servers: list[int]) -> dict[int, bytes]:
    """What the last night found of their models, by version."""
    rows = Watch.objects.filter(server__in=servers).exclude(version=None).values_list("version", "fresh")
    return {version: bytes(blob) for version, blob in rows.iterator()}


def _first(servers: list[int]) -> list[tuple[int, int]]:
    """From when on these were heard, as far as it is sealed."""
    found: dict[int, int] = {}
    for place in range(0, len(servers), ASKED_AT_ONCE):
        some = Uses.objects.filter(server__in=servers[place : place + ASKED_AT_ONCE])
        for server, first in some.values_list("server_id", "first"):
            found[server] = min(first, found.get(server, first))
    return list(found.items())
