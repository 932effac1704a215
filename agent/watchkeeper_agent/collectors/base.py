"""The small registry of collectors, and what a failing one is spared."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Protocol, TypeVar, Union

import psutil

from watchkeeper_agent.errors import say
from watchkeeper_agent.sample import Sample

Scalar = Union[str, int, float, bool, None]
Document = dict[str, dict[str, Scalar]]
FIRST_REST, LONGEST_REST = 60.0, 3600.0


class Absent(Exception):
    """There is nothing of this kind here, or it is not ours to read: no failure, asked again later."""


class Collector(Protocol):
    """One subject of a machine; made once, asked again and again.

    It may also have `configure(options)`, and a slow one `facts` (a document) and `events` (a list).
    """

    def collect(self, sample: Sample) -> None:
        """Put what is known now; what this machine does not have is left out."""


class Kind:
    """A registered collector: period 0 is asked with each sample, all others in the background."""

    def __init__(self, make: Callable[[], Collector], period: float, platforms: tuple[str, ...], root: bool) -> None:
        self.make = make
        self.period = period
        self.platforms = platforms
        self.root = root

    def unfit(self) -> str | None:
        """Why it cannot be asked here: a sentence, or empty where the system is another; None if it can."""
        if self.platforms and not sys.platform.startswith(self.platforms):
            return ""
        if self.root and hasattr(os, "geteuid") and os.geteuid() != 0:
            return "Needs root; the agent runs as a user without it."
        return None


registered: dict[str, Kind] = {}

Made = TypeVar("Made", bound=Callable[[], Collector])


def collector(
    name: str, *, period: float = 0.0, platforms: tuple[str, ...] = (), root: bool = False
) -> Callable[[Made], Made]:
    """Register a class of collector under its subject."""

    def keep(make: Made) -> Made:
        registered[name] = Kind(make, period, platforms, root)
        return make

    return keep


class Guarded:
    """A collector that rests for a while after a failure, longer each time, and is named once."""

    def __init__(self, name: str, one: Any) -> None:
        self.name = name
        self.one = one
        self.failures = 0
        self.rests_until = 0.0
        self.reason = ""

    def collect(self, sample: Sample) -> bool:
        """Ask it; False when it rests, failed or has nothing."""
        if sample.at < self.rests_until:
            return False
        try:
            self.one.collect(sample)
        except Absent as absent:
            self.reason = str(absent)
            return False
        except Exception as error:  # noqa: BLE001 - the others must go on whatever happens
            self._rest(sample.at, f"{type(error).__name__}: {error}"[:300])
            return False
        self.failures, self.reason = 0, getattr(self.one, "trouble", "")
        return True

    def _rest(self, at: float, text: str) -> None:
        self.failures += 1
        self.rests_until = at + min(LONGEST_REST, FIRST_REST * 2 ** (self.failures - 1))
        self.reason = f"Failed: {text}"
        say(f"collector {self.name}", f"Collector {self.name} failed: {text}. It rests; the others go on.")


def read(path: str) -> str:
    """A small file of the kernel's, or nothing where it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def procfs() -> str:
    """Where psutil was told that /proc is."""
    return getattr(psutil, "PROCFS_PATH", "/proc")


def proc(name: str) -> str:
    """A file below /proc."""
    return read(f"{procfs()}/{name}")
