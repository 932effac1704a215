"""The moving parts of a process: which it runs, in what order they start and stop."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError

from alerts import channels as _kinds  # noqa: F401 - registers the kinds of channels
from alerts.delivery import Dispatcher
from alerts.judging import Judge
from alerts.models import Delivery
from core.models import Lease
from core.runner import Loop, RedisEars, wake
from dashboards import feed
from ingest import writer
from metrics import journal
from monitor.background import Beat, CeleryWorker
from servers.auth import CHECK_EVERY, keyring

log = logging.getLogger(__name__)

Stop = Callable[[], None]


class Parts:
    """Started in order, stopped in the reverse of it, each within its bound."""

    def __init__(self) -> None:
        self.loops: dict[str, Loop] = {}
        self.stops: list[tuple[str, Stop]] = []
        self.beat: Beat | None = None
        self.worker: CeleryWorker | None = None

    def web(self) -> None:
        """Doors, the writer behind them, and the live feed."""
        keyring.refresh()
        writer.writer()
        journal.on_commit(_wake_rules)
        self._keep("writer", lambda: writer.stop(3.0))
        self._loop(Loop("keys", _refresh_keys, every=CHECK_EVERY))
        live = feed.start()
        self._keep("live feed", lambda: live.end(1.0))

    def rules_and_delivery(self) -> None:
        judge = Judge()
        feed.listen()
        self._keep("rules lease", judge.end)
        self._loop(Loop("rules", judge.step))
        self._loop(Dispatcher())

    def background(self, *, beat: bool) -> None:
        """Celery's worker, and Beat where this process has it."""
        self.worker = CeleryWorker()
        self.worker.start()
        self._keep("celery", lambda: self.worker.end(2.0) if self.worker else None)
        if beat:
            self.beat = Beat()
            self.beat.start()
            self._keep("beat", lambda: self.beat.end(1.2) if self.beat else None)

    def ears(self) -> None:
        """Wakes from other processes; the embedded profile has none."""
        if not settings.EMBEDDED:
            ears = RedisEars()
            ears.start()
            self._keep("wakes", lambda: ears.end(1.2))

    def stop(self) -> None:
        for name, stop in reversed(self.stops):
            try:
                stop()
            except (DatabaseError, OSError, RuntimeError):
                # The rows are there; a lease that was not given back lapses.
                log.exception("%s did not stop cleanly", name)
        self.stops.clear()

    def _loop(self, loop: Loop) -> None:
        loop.start()
        self.loops[loop.name] = loop
        self._keep(loop.name, lambda: loop.end(2.0))

    def _keep(self, name: str, stop: Stop) -> None:
        self.stops.append((name, stop))


def clear_leases() -> None:
    """Alone on the data folder nobody else lives: what a killed process held is free."""
    Lease.objects.all().delete()
    Delivery.objects.filter(state="waiting").exclude(lease_until=None).update(lease_until=None, lease_owner="")


def _wake_rules(_group: list[journal.Entry]) -> None:
    wake("rules")


def _refresh_keys() -> bool:
    keyring.refresh()
    return False
