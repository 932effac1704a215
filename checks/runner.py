"""The hub's looking: rows that are due, a bounded pool of threads, results written together, leases between twins."""

from __future__ import annotations

import logging
import math
import queue
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, Q

from checks import beating, reported, series, services, standing
from checks.kinds import Outcome, registry
from checks.models import DOWN, Check, Run
from core import sealed
from core.clock import milliseconds, now
from core.locking import locked
from core.models import Cursor
from core.runner import INSTANCE, Loop
from servers.services import add_events

log = logging.getLogger(__name__)

AT_ONCE = 200
OF_ONE_TEAM = 150
"""Whoever looks at what hangs leaves room for the others."""
CLAIMED = 100
LOOKED_AT = ~Q(check_ref__kind="heartbeat") & Q(check_ref__by_agent=False)
FLUSH_EVERY = 1.0
IDLE = 5.0
AWAY = 30.0
LEASE = 30.0  # seconds beyond the timeout
MARK_EVERY = 10.0
MARK = "checks"


@dataclass(frozen=True, slots=True)
class Done:
    """One look that has ended."""

    check: Check
    run: Run
    outcome: Outcome
    at: datetime
    stored: int  # the same moment for series


class Runner:
    """Claims, looks, writes. Several may run: a row is held by one of them at a time."""

    def __init__(self, owner: str = INSTANCE) -> None:
        self.owner = owner
        self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check")
        self.done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self.running = 0
        self.of_team: Counter[int] = Counter()
        self.flushed = self.marked = float("-inf")
        self.ended = False

    def step(self) -> float:
        """Do what is due; seconds until there may be more."""
        self._mark()
        if time.monotonic() - self.flushed >= FLUSH_EVERY:
            self.flush()
        self._do(self.claim(now()))
        if self.running or not self.done.empty():
            return 0.25 if self.running < AT_ONCE else 0.5
        return self._until_next()

    def begin(self, at: datetime) -> None:
        """After an absence nothing is made up for: each waits for its turn, and heartbeats are excused.

        A machine that slept was away as well; and where its clock was set back no turn is hours away.
        """
        place = Cursor.objects.place(MARK)
        gone = at.timestamp() - place / 1000
        if not place or abs(gone) < AWAY:
            return
        moved = Run.objects.filter(due_at__lt=at) if gone > 0 else Run.objects.exclude(due_at=None)
        rows = list(moved.select_related("check_ref"))
        away_from = datetime.fromtimestamp(place / 1000, at.tzinfo)
        for run in rows:
            if gone > 0 and run.check_ref.kind == "heartbeat":
                beating.excuse(run, away_from, at)
            run.due_at = services.next_due(run.check_ref, at)
        Run.objects.bulk_update(rows, ["due_at"], batch_size=500)

    def claim(self, at: datetime) -> list[Run]:
        """Rows that are due and that nobody holds, held from now on; while all threads look, those that need none."""
        room = AT_ONCE - self.running
        free = Q(lease_until=None) | Q(lease_until__lt=at)
        with transaction.atomic():
            full = [team for team, count in self.of_team.items() if count >= OF_ONE_TEAM]
            hold_back = LOOKED_AT & Q(check_ref__team__in=full) if room > 0 else LOOKED_AT
            mine = Run.objects.filter(free, due_at__lte=at).exclude(hold_back)
            due = locked(mine, skip=True).order_by("due_at")
            wanted = due.values_list("pk", "check_ref__team", "check_ref__kind", "check_ref__by_agent")
            rows = wanted[: min(CLAIMED, room) if room > 0 else CLAIMED]
            keys = self._with_room(list(rows))
            if not keys:
                return []
            found = list(Run.objects.filter(pk__in=keys).select_related("check_ref__server"))
            longest = max(run.check_ref.timeout for run in found)
            until = at + timedelta(seconds=longest + LEASE)
            Run.objects.filter(pk__in=keys).update(lease_owner=self.owner, lease_until=until)
        return found

    def _with_room(self, rows: list[tuple[int, int, str, bool]]) -> list[int]:
        """Those whose team does not have its share under way, and all that nobody waits for."""
        there, keys = Counter(self.of_team), []
        for number, team, kind, by_agent in rows:
            waits = kind != "heartbeat" and not by_agent
            if not waits or there[team] < OF_ONE_TEAM:
                there[team] += waits
                keys.append(number)
        return keys

    def _do(self, claimed: Iterable[Run]) -> None:
        beats, told = [], []
        for run in claimed:
            check = run.check_ref
            if check.kind == "heartbeat":
                beats.append(run)
            elif check.by_agent:
                told.append(run)
            else:
                self.running += 1
                self.of_team[check.team_id] += 1
                self.pool.submit(self._look, check, run)
        if beats:
            beating.tick(beats, now())
        if told:
            reported.tick(told, now())

    def _look(self, check: Check, run: Run) -> None:
        """In a thread of the pool: it touches no database."""
        at, stored = now(), milliseconds()
        try:
            task = services.task(check)
            outcome = registry.get(task.kind).look(task)
        except sealed.Broken as fault:
            outcome = Outcome(None, str(fault))
        except Exception as error:  # a kind from elsewhere: whatever it does must not stop the others
            log.exception("The check %s could not be run", check.name)
            outcome = Outcome(None, f"It could not be run: {type(error).__name__}.")
        self.done.put(Done(check, run, outcome, at, stored))

    def flush(self) -> None:
        """Everything that has ended since: rows, series and events."""
        self.flushed = time.monotonic()
        ended: list[Done] = []
        while not self.done.empty():
            ended.append(self.done.get())
        self.running -= len(ended)
        self.of_team -= Counter(one.check.team_id for one in ended)
        if ended:
            series.store(write(ended, self.owner))

    def _mark(self) -> None:
        """Until when we were here, for whoever looks next."""
        if time.monotonic() - self.marked >= MARK_EVERY:
            self.marked = time.monotonic()
            self.begin(now())
            Cursor.objects.update_or_create(name=MARK, defaults={"place": milliseconds()})

    def _until_next(self) -> float:
        free = Q(lease_until=None) | Q(lease_until__lt=now())
        soonest: datetime | None = Run.objects.filter(free).aggregate(at=Min("due_at"))["at"]
        if soonest is None:
            return IDLE
        left: float = (soonest - now()).total_seconds()
        return min(IDLE, max(0.05, left))

    def end(self) -> None:
        """Give back what is held; what still runs is thrown away and done again."""
        self.ended = True
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.flush()
        Run.objects.filter(lease_owner=self.owner).update(lease_owner="", lease_until=None)


def write(ended: list[Done], owner: str) -> list[series.Sample]:
    """Rows and events of results, in one transaction; what another took over meanwhile is not written."""
    samples, rows, events = [], [], []
    with transaction.atomic():
        held = {run.pk: run for run in beating.in_order(one.check.pk for one in ended)}
        for one in ended:
            run = held.get(one.check.pk)
            if run is None or run.lease_owner != owner:
                continue
            before = run.state
            samples += settle(run, one)
            rows.append(run)
            if changed(before, run.state):
                events.append((one, run))
        Run.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["check_ref"], update_fields=WRITTEN, batch_size=60
        )
        for one, run in events:
            tell(one.check, run, one.at)
    return samples


WRITTEN = [
    "due_at", "lease_owner", "lease_until", "state", "since", "at", "failures", "said", "seconds", "parts",
    "certificate_ends", "recent",
]  # fmt: skip


def settle(run: Run, one: Done) -> list[series.Sample]:
    """Move a row on by a result; what of it goes into the store. Nothing could be looked at: nothing is known."""
    check, outcome = one.check, one.outcome
    run.lease_owner, run.lease_until = "", None
    if run.due_at is not None:
        run.due_at = services.next_due(check, one.at)
    run.at, run.said = one.at, outcome.said[:500]
    if outcome.ok is None:
        return []
    before = standing.Standing(run.state, run.failures, tuple(run.recent))
    after = standing.after(before, ok=outcome.ok, at=one.at.timestamp(), retries=check.retries, window=check.window)
    if after.failures and after.state != DOWN and run.due_at is not None:
        soon = one.at + timedelta(seconds=min(check.interval, standing.SOON))
        run.due_at = min(run.due_at, soon) if run.due_at > soon else soon
    if after.state != run.state:
        run.since = one.at
    run.state, run.failures, run.recent = after.state, after.failures, list(after.recent)
    run.seconds = outcome.seconds if outcome.ok else None
    run.parts = {name: round(value, 6) for name, value in outcome.parts.items()}
    run.certificate_ends = outcome.certificate_ends or (run.certificate_ends if not outcome.ok else None)
    return [_sample(one, run)]


def _sample(one: Done, run: Run) -> series.Sample:
    nan = math.nan
    ends = one.outcome.certificate_ends
    left = (ends - one.at).total_seconds() if ends else nan
    errors = standing.told_percent(run.state, run.recent)
    parts = tuple(one.outcome.parts.get(part, nan) for part in series.PARTS) if one.outcome.ok else ()
    took = nan if run.seconds is None else run.seconds
    return series.Sample(one.check, one.stored, standing.up(run.state), took, errors, left, parts)


def changed(before: str, after: str) -> bool:
    """Whether people are told of it: not of a failure that is not believed yet, nor of the first time it is up."""
    return (before == DOWN) != (after == DOWN)


def tell(check: Check, run: Run, at: datetime) -> None:
    """A line in the ledger of what carries it."""
    word = "down" if run.state == DOWN else "up again"
    text = f"Check {check.name} is {word}: {run.said}"[:500]
    fields: dict[str, object] = {"check": check.label, "state": run.state, "page": f"/checks/{check.uuid}/"}
    add_events(check.server_id, [(at, "check", text, fields)])


class CheckLoop(Loop):
    """The runner as one of the process's loops: it sleeps until something is due."""

    def __init__(self, runner: Runner | None = None) -> None:
        self.runner = runner or Runner()
        super().__init__(services.NAME, self.turn, every=IDLE)

    def turn(self) -> bool:
        self.every = self.runner.step()
        return False

    def end(self, seconds: float) -> None:
        super().end(seconds)
        self.runner.end()


__all__ = ["CheckLoop", "Done", "Runner", "changed", "settle", "tell", "write"]
