"""How often people may have the hub look somewhere by hand: a look is a request to a place of their choice."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _

from accounts.models import User
from checks.kinds import Outcome, registry
from checks.kinds.base import Task
from core.errors import Failure

LONGEST = 15.0
WITHIN = 60.0
PERSON, TEAM = (2, 20), (4, 40)
"""At once, and within a minute, by one process of the web."""


class Tries:
    """Counts of this process; whoever waits is refused at once, as each try holds a thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.under_way: Counter[str] = Counter()
        self.lately: dict[str, deque[float]] = defaultdict(deque)

    @contextmanager
    def one(self, person: int, team: int) -> Iterator[None]:
        who = {f"person {person}": PERSON, f"team {team}": TEAM}
        with self.lock:
            at = time.monotonic()
            self._forget(at)
            for name, (at_once, most) in who.items():
                if self.under_way[name] >= at_once:
                    raise _refused(_("Other tries are still under way. Wait for their end, then try again."), 5)
                if len(self.lately[name]) >= most:
                    raise _refused(_("Those were many tries. Wait a minute, then try again."), round(WITHIN))
            for name in who:
                self.under_way[name] += 1
                self.lately[name].append(at)
        try:
            yield
        finally:
            with self.lock:
                self.under_way -= Counter(list(who))

    def _forget(self, at: float) -> None:
        for name, times in list(self.lately.items()):
            while times and times[0] <= at - WITHIN:
                times.popleft()
            if not times:
                del self.lately[name]


def _refused(said: str, seconds: int) -> Failure:
    return Failure(said, code="too_many", status=429, retry=seconds)


tries = Tries()


def look(task: Task, by: User, team: int) -> Outcome:
    """One look by hand, which somebody waits for: it ends sooner than one that nobody sits in front of."""
    bounded = Task(task.kind, task.target, task.config, min(task.timeout, LONGEST))
    with tries.one(by.pk, team):
        return registry.get(task.kind).look(bounded)
