"""The loop that has due things learnt: it starts a child, hears how far it is, and tells who judges by it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction

from core.clock import now
from core.runner import Held, wake
from ml import child, thresholds
from ml.models import ModelVersion, Training, Watch
from ml.scores.book import CHANGED
from ml.training import night, plan

log = logging.getLogger(__name__)

NAME = "training"
BATCH = 50
SECONDS = 300.0
REST = 60.0  # a child that failed as a whole is not started again at once
TOLD_EVERY = 5.0
TRIES = 3
MEND_EVERY = 3600.0
NIGHT_FOR = timedelta(hours=2)  # whoever was not compared by then is the first of the next night


class Trainer:
    """One process at a time; what a killed child left is begun anew."""

    def __init__(self, run: Callable[..., int] = child.run) -> None:
        self.lease = Held(NAME, 30.0)
        self.run = run
        self.rest_until = self.told = self.mended = float("-inf")
        self.claimed = False
        self.alive: Callable[[], None] = _nothing
        """Told while a child works, which may take minutes."""
        child.begin()

    def step(self) -> bool:
        if not self.lease.ours():
            self.claimed = False
            return False
        if not self.claimed:
            self._begin()
        if time.monotonic() - self.mended >= MEND_EVERY:
            self._mend()
        night = self._night()
        return self._models() or night

    def end(self) -> None:
        """At a stop: the child goes first, what it was at is due again."""
        child.end_all()
        self.lease.release()

    def _begin(self) -> None:
        """Nobody else works now: whatever is called running was left by somebody who was killed."""
        left = Training.objects.filter(state="running")
        left.filter(tries__gte=TRIES).update(state="failed", ended_at=now(), said="It ended before it was done.")
        left.filter(tries__lt=TRIES).update(state="due", progress=0.0)
        self.claimed = True

    def _mend(self) -> None:
        """Every server that is learnt has something to come, and so has the fleet."""
        self.mended = time.monotonic()
        standing = Training.objects.standing()
        lonely = Watch.objects.exclude(server__in=standing.exclude(server=None).values("server"))
        rows = []
        for watch in lonely.iterator():
            if watch.version_id is None:
                rows.append(Training(server_id=watch.server_id, why="first", due_at=plan.first_due(watch.since)))
            elif watch.full_at is None:
                rows.append(Training(server_id=watch.server_id, why="day", due_at=plan.grown_due(watch.since)))
            else:
                due = plan.weekly_due(watch.server_id)
                rows.append(Training(server_id=watch.server_id, why="weekly", due_at=due))
        if not standing.filter(server=None, why="thresholds").exists():
            rows.append(Training(why="thresholds", due_at=plan.thresholds_due()))
        Training.objects.bulk_create(rows, ignore_conflicts=True)

    def _night(self) -> bool:
        """Models are compared with their last days, some at a time; then the thresholds. True when more is to do."""
        row = Training.objects.filter(server=None, why="thresholds", state="due", due_at__lte=now()).first()
        if row is None or time.monotonic() < self.rest_until:
            return False
        if row.began_at is None:
            row.began_at = now()
            Training.objects.filter(pk=row.pk).update(began_at=row.began_at)
        left = night.due(row.due_at).count()
        if left and now() - row.began_at < NIGHT_FOR:
            words = ["compare_models", "--since", row.due_at.isoformat(), "--seconds", str(SECONDS * 0.9)]
            code = self._child(words)
            every = night.due(now()).count() or left
            Training.objects.filter(pk=row.pk).update(progress=1 - night.due(row.due_at).count() / max(every, left))
            return code == 0
        self._thresholds(row, left)
        return False

    def _thresholds(self, row: Training, left: int) -> None:
        said = f"{thresholds.refresh_all()} thresholds."
        if left:
            said += f" {left} not compared with their last days in time: first in the next night."
            log.warning(said)
        with transaction.atomic():
            Training.objects.filter(pk=row.pk).update(state="done", progress=1.0, ended_at=now(), said=said)
            Training.objects.create(why="thresholds", due_at=plan.thresholds_due())
            old = Training.objects.filter(server=None, ended_at__lt=now() - timedelta(days=14))
            old.delete()
        wake(CHANGED)

    def _models(self) -> bool:
        """Start a child where something is due; true when more may be."""
        due = Training.objects.filter(state="due", due_at__lte=now()).exclude(server=None)
        if time.monotonic() < self.rest_until or not due.exists():
            return False
        words = ["train_models", "--batch", str(BATCH), "--seconds", str(SECONDS * 0.9)]
        code = self._child(words)
        self._begin()
        return code == 0

    def _child(self, words: list[str]) -> int:
        code = self.run(words, seconds=SECONDS, heard=self._heard)
        wake(CHANGED)
        if code != 0:
            log.warning("The child that learns ended with %d", code)
            self.rest_until = time.monotonic() + REST
        return code

    def _heard(self, line: str) -> None:
        """One more is learnt, or nothing yet; the lease stays ours meanwhile."""
        self.lease.ours()
        self.alive()
        if line and time.monotonic() - self.told >= TOLD_EVERY:
            self.told = time.monotonic()
            wake(CHANGED)


def _nothing() -> None:
    """Nobody asks whether we live."""


def progress() -> dict[str, int]:
    """How far the fleet is, for the page of ourselves."""
    return {
        "learnt": ModelVersion.objects.current().count(),
        "due": Training.objects.filter(state="due", due_at__lte=now()).exclude(server=None).count(),
        "running": Training.objects.filter(state="running").count(),
    }
