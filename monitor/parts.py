"""The moving parts of a process: which it runs, in what order they start and stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.conf import settings

from alerts import channels as _kinds  # noqa: F401 - registers the kinds of channels
from alerts.absence import last_received
from alerts.delivery import Dispatcher
from alerts.judging import Judge
from alerts.models import Delivery
from alerts.teller import Teller
from checks.door import keeping
from checks.models import Run
from checks.runner import CheckLoop
from core.clock import milliseconds
from core.models import Lease
from core.runner import Loop, RedisEars, ring, wake
from dashboards import feed
from ingest import writer
from metrics import journal
from metrics.shared import Follower
from metrics.store import latest
from ml.scores import consumer as scores
from ml.scores.consumer import Scorer
from ml.training.trainer import Trainer
from monitor import selfwatch
from monitor.background import Beat, CeleryWorker
from servers import orders, reach
from servers.auth import CHECK_EVERY, keyring, tend
from servers.clones import clones

log = logging.getLogger(__name__)

Stop = Callable[[], None]


class Parts:
    """Started in order, stopped in the reverse of it, each within its bound."""

    def __init__(self) -> None:
        self.loops: dict[str, Loop] = {}
        self.stops: list[tuple[str, Stop]] = []
        self.threads: list[threading.Thread] = []
        self.beat: Beat | None = None
        self.worker: CeleryWorker | None = None

    def web(self) -> None:
        """Doors, the writer behind them, and the live feed."""
        keyring.refresh()
        others = None if settings.EMBEDDED else Follower()
        writer.writer()
        journal.on_commit(_wake_readers)
        journal.on_commit(clones.take)
        self._keep("writer", lambda: writer.stop(3.0))
        self._keep("pings", keeping.stop)
        self._loop(Loop("keys", tend, every=CHECK_EVERY))
        self._loop(Loop("clones", clones.tell))
        if asked := orders.resend_after_restore():
            log.info("A backup was restored: %d machines are asked for what they have told since", asked)
        self._loop(Loop(orders.NAME, orders.refresh))
        reach.watch.begin(_marks(), last_received(milliseconds()))
        self._loop(Loop("reach", _watch_reach, every=reach.EVERY))
        if others is None:
            self._loop(feed.start())
        else:
            self._loop(Loop("others", others.step, every=1.0))
            journal.on_commit(_follow)
            self._loop(feed.start(others.sure))
        watch = selfwatch.SelfWatch()
        self._keep("self watch lease", watch.end)
        self._loop(Loop("self", watch.step, every=selfwatch.EVERY))

    def inside_door(self) -> None:
        """In a process without a door for machines: the writer of what we find out ourselves."""
        writer.writer(hears=False)
        journal.on_commit(_wake_readers)
        journal.on_commit(_follow)
        self._keep("writer", lambda: writer.stop(3.0))

    def rules_and_delivery(self) -> None:
        judge = Judge(_well)
        feed.listen()
        self._loop(CheckLoop())
        self._keep("rules lease", judge.end)
        self._loop(Loop("rules", judge.step))
        self._loop(Teller())
        self._loop(Dispatcher())

    def learning(self) -> None:
        """What judges by what was learnt, and what has it learnt."""
        scorer, trainer = Scorer(), Trainer()
        self._keep("scores lease", scorer.end)
        self._loop(Loop("scores", scorer.step))
        self._loop(learner := Loop("training", trainer.step))
        trainer.alive = learner.turn_again
        self._keep("training child", trainer.end)

    def background(self, *, beat: bool) -> None:
        """Celery's worker, and Beat where this process has it."""
        self.worker = worker = CeleryWorker()
        self._start(worker, lambda: worker.end(2.0))
        if beat:
            self.schedule()

    def schedule(self) -> None:
        """Beat, in a thread of ours."""
        self.beat = beat = Beat()
        self._start(beat, lambda: beat.end(1.2))

    def ears(self) -> None:
        """Wakes from other processes; the embedded profile has none."""
        if not settings.EMBEDDED:
            ears = RedisEars()
            self._start(ears, lambda: ears.end(1.2))

    def dead(self) -> list[str]:
        """What should run and does not: no part ends by itself."""
        return [thread.name for thread in self.threads if not thread.is_alive()]

    def stop(self) -> None:
        for name, stop in reversed(self.stops):
            try:
                stop()
            except Exception:
                # The rest must stop all the same. The rows are there; a lease that was not given back lapses.
                log.exception("%s did not stop cleanly", name)
        self.stops.clear()

    def _loop(self, loop: Loop) -> None:
        self.loops[loop.name] = loop
        self._start(loop, lambda: loop.end(2.0))

    def _start(self, thread: threading.Thread, stop: Stop) -> None:
        thread.start()
        self.threads.append(thread)
        self._keep(thread.name, stop)

    def _keep(self, name: str, stop: Stop) -> None:
        self.stops.append((name, stop))


def clear_leases() -> None:
    """Alone on the data folder nobody else lives: what a killed process held is free."""
    Lease.objects.all().delete()
    Run.objects.exclude(lease_until=None).update(lease_until=None, lease_owner="")
    Delivery.objects.filter(state="waiting").exclude(lease_until=None).update(lease_until=None, lease_owner="")


def _marks() -> dict[int, reach.Mark]:
    return {server: (newest.received, newest.at) for server, newest in tuple(latest.rows.items())}


def _watch_reach() -> bool:
    reach.watch.step(_marks(), well=writer.running() is not None and _well())
    return False


def _well() -> bool:
    """While the store takes nothing nobody can be heard: that is our trouble, not theirs. A worker stores nothing."""
    held = writer.running()
    return held is None or not held.counters.last_failed(reach.GAP)


def _follow(_group: list[journal.Entry]) -> None:
    ring("others")  # questions about the fleet see what this process stored at once, of others within a second


def _wake_readers(group: list[journal.Entry]) -> None:
    wake("rules")
    if not all(entry.own for entry in group):
        scores.soon()
