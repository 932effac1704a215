"""Two agents with one key, on one machine or on a copy of it: two runs of an agent that report in turns.

A run that ended never has a sample younger than the first of the next run, however late its spool is emptied.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from core.clock import now
from servers.services import TWO_AGENTS, add_events

LIVE = 60_000
TURNS = 3
AGAIN = 86_400.0


class Post(Protocol):
    """What the journal tells of a stored post."""

    @property
    def server(self) -> int: ...
    @property
    def boot(self) -> str: ...
    @property
    def received(self) -> int: ...
    @property
    def times(self) -> Any: ...


@dataclass(slots=True)
class Runs:
    """The run that reports, the one before it, and how often they took turns."""

    boot: str
    since: int
    before: str = ""
    turns: int = 0

    def turn(self, boot: str, at: int) -> bool:
        """Another run reports; true when these two have taken turns often enough to be two machines."""
        self.turns = self.turns + 1 if boot == self.before and at > self.since else 0
        self.boot, self.before, self.since = boot, self.boot, at
        return self.turns >= TURNS


class Clones:
    """Told of every stored post by the writer's thread, so it does next to nothing where nothing is odd."""

    def __init__(self) -> None:
        self.runs: dict[int, Runs] = {}
        self.found: set[int] = set()
        self.told: dict[int, float] = {}

    def take(self, group: Iterable[Post]) -> None:
        for post in group:
            runs = self.runs.get(post.server)
            if runs is not None and runs.boot == post.boot:
                continue
            boot = post.boot.partition("#")[0]  # posts of several parts
            if not boot or (runs is not None and runs.boot == boot):
                continue
            end = int(post.times[-1])
            if post.received - end > LIVE:
                continue
            if runs is None:
                self.runs[post.server] = Runs(boot, end)
            elif runs.turn(boot, end):
                self.found.add(post.server)

    def tell(self) -> bool:
        """A loop's step: leave an event, once a day and server."""
        found, self.found = self.found, set()
        for server in found:
            if time.monotonic() - self.told.get(server, -AGAIN) >= AGAIN:
                self.told[server] = time.monotonic()
                add_events(server, [(now(), "two_machines", TWO_AGENTS, {})])
        return False


clones = Clones()
