"""Celery's worker and Beat as threads of ours: started when the door is open, stopped within bounds."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress

from celery.beat import Service
from celery.worker import WorkController, state
from django.db import connections
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError

from monitor.celery import app, nothing

log = logging.getLogger(__name__)

CONCURRENCY = 4
LOOK_EVERY = 5.0
CLOCK_SET = 60.0  # seconds: less is a clock that is being corrected
SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


class CeleryWorker(threading.Thread):
    """A worker with a pool of threads. No signal handlers, no logging of its own come with it."""

    def __init__(self) -> None:
        super().__init__(name="celery-consumer", daemon=True)
        self.ending = threading.Event()

    def run(self) -> None:
        app.set_current()
        state.should_stop = None
        while not self.ending.is_set():
            self._work()
            # It ends unasked when something broke that it does not know: what there is to do is still due.
            self.ending.wait(LOOK_EVERY)

    def _work(self) -> None:
        try:
            WorkController(
                app=app,
                pool_cls="threads",
                concurrency=CONCURRENCY,
                without_heartbeat=True,
                without_mingle=True,
                without_gossip=True,
            ).start()
        except Exception:
            log.exception("The worker failed; it begins anew")
        finally:
            connections.close_all()

    def end(self, seconds: float) -> None:
        """Celery looks at the flag only between messages: a few empty ones make it look at once."""
        self.ending.set()
        state.should_stop = 0
        until = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < until:
            with suppress(OperationalError):  # a broker that is away wakes nobody, and must not hold us
                nothing.apply_async(ignore_result=True, expires=1, retry=False)
            self.join(0.05)


class Beat(threading.Thread):
    """Beat with the schedule from the tables. Its own loop sleeps deaf; ours can be woken to stop."""

    def __init__(self) -> None:
        super().__init__(name="beat", daemon=True)
        self.service = Service(app, max_interval=LOOK_EVERY, scheduler_cls=SCHEDULER)
        self.stopping = threading.Event()
        self.clock = float("-inf")

    def run(self) -> None:
        app.set_current()
        pause = 0.0
        while not self.stopping.wait(pause):
            try:
                self._mind_clock()
                pause = min(self.service.scheduler.tick(), LOOK_EVERY)
            except Exception:
                # Whatever it was, the jobs are still due: database, broker, or a row that somebody wrote by hand.
                log.exception("Beat failed; trying again")
                connections.close_all()
                pause = LOOK_EVERY
        self._remember()
        connections.close_all()

    def _mind_clock(self) -> None:
        """A job that last ran in the future, before the clock was set back, would not run until then."""
        clock = time.time() - time.monotonic()
        if abs(clock - self.clock) < CLOCK_SET:
            return
        now = timezone.now()
        PeriodicTask.objects.filter(last_run_at__gt=now).update(last_run_at=now)
        scheduler = self.service.scheduler
        for entry in scheduler.schedule.values():
            entry.last_run_at = min(entry.last_run_at, entry._default_now())
        scheduler._heap = None  # its order is of moments by the old clock
        self.clock = clock

    def _remember(self) -> None:
        """Write when jobs last ran; without it they only run once more at the next start."""
        try:
            self.service.sync()
        except Exception:
            log.exception("The last run times of the schedule were not saved")

    def end(self, seconds: float) -> None:
        self.stopping.set()
        self.join(seconds)
