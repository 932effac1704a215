"""Celery's worker and Beat as threads of ours: started when the door is open, stopped within bounds."""

from __future__ import annotations

import threading
import time
from typing import Any

from celery.beat import Service
from celery.worker import WorkController, state
from django.db import connections

from monitor.celery import app, nothing

CONCURRENCY = 4


class CeleryWorker(threading.Thread):
    """A worker with a pool of threads. No signal handlers, no logging of its own come with it."""

    def __init__(self) -> None:
        super().__init__(name="celery-consumer", daemon=True)
        self.controller: Any = None

    def run(self) -> None:
        app.set_current()
        state.should_stop = None
        self.controller = WorkController(
            app=app,
            pool_cls="threads",
            concurrency=CONCURRENCY,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        self.controller.start()
        connections.close_all()

    def end(self, seconds: float) -> None:
        """Celery looks at the flag only between messages: a few empty ones make it look at once."""
        state.should_stop = 0
        until = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < until:
            nothing.apply_async(ignore_result=True, expires=1)
            self.join(0.05)


class Beat(threading.Thread):
    """Beat with the schedule from the tables; its tick cannot be interrupted, so it is short."""

    def __init__(self) -> None:
        super().__init__(name="beat", daemon=True)
        self.service = Service(app, max_interval=1, scheduler_cls="django_celery_beat.schedulers:DatabaseScheduler")

    def run(self) -> None:
        app.set_current()
        try:
            self.service.start(embedded_process=False)
        finally:
            connections.close_all()

    def end(self, seconds: float) -> None:
        self.service.stop()
        self.join(seconds)
