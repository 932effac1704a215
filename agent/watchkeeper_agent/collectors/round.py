"""The round: fast collectors are asked now, slow ones have been asked."""

from __future__ import annotations

import time
from typing import Any

from watchkeeper_agent.collectors.background import Background, Slow
from watchkeeper_agent.collectors.base import Absent, Collector, Document, Guarded, registered
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.sample import Counters, Sample


class Collectors:
    """Every collector of this machine, with the counters they share."""

    def __init__(self, names: list[str] | None = None, *, options: Options | None = None) -> None:
        self.options = options or Options()
        self.counters = Counters()
        self.guards: dict[str, Guarded] = {}
        self.reasons: dict[str, str] = {}
        slow: list[Slow] = []
        now = time.monotonic()
        for name in names or registered:
            one = self._made(name)
            if one is None:
                continue
            period = float(getattr(one, "period", registered[name].period))
            if period:
                slow.append(Slow(name, one, period, now))
            else:
                self.guards[name] = Guarded(name, one)
        self.background = Background(slow, now, self.options.memory)

    def _made(self, name: str) -> Any:
        why = registered[name].unfit()
        if name in self.options.off:
            why = "Switched off in the agent's file."
        if why:
            self.reasons[name] = why
        if why is not None:
            return None
        try:
            one = registered[name].make()
            getattr(one, "configure", bool)(self.options)
        except Absent:
            return None  # nothing of this kind is wished for
        except Exception as error:  # noqa: BLE001 - the others must go on whatever happens
            self.reasons[name] = f"Failed: {type(error).__name__}: {error}"[:300]
            return None
        return one

    @property
    def collectors(self) -> dict[str, Collector]:
        return {name: guard.one for name, guard in self.guards.items()}

    def start(self) -> None:
        """Begin with the slow ones, in threads of their own."""
        self.background.start()

    def stop(self, within: float = 1.0) -> None:
        self.background.stop(within)

    def sample(self, at: float | None = None) -> Sample:
        """Ask the fast ones, take over what the slow ones found; one that fails costs its own values alone."""
        sample = Sample(time.monotonic() if at is None else at, self.counters)
        for guard in self.guards.values():
            guard.collect(sample)
        self.background.put(sample)
        return sample

    def sample_all(self) -> Sample:
        """Everything, asked now and waited for: for people who look once."""
        now = time.monotonic()
        for slow in self.background.slow:
            slow.due = now
        self.background.step(now)
        self.background.next_columns = 0.0
        return self.sample()

    def events(self) -> list[dict[str, Any]]:
        return self.background.events()

    @property
    def news(self) -> int:
        """Goes up when facts of the slow ones changed, and once all of them were asked."""
        return self.background.news + self.looked

    @property
    def looked(self) -> bool:
        return self.background.looked

    def facts(self) -> Document:
        return self.background.facts()

    def off(self) -> dict[str, str]:
        """Which are not asked, or found nothing to read, each with one sentence why."""
        guards = {**self.guards, **{slow.name: slow for slow in self.background.slow}}
        return {**self.reasons, **{name: guard.reason for name, guard in guards.items() if guard.reason}}
