"""The small registry of collectors and the round that asks them all."""

from __future__ import annotations

import time
from typing import Callable, Protocol, TypeVar

import psutil

from watchkeeper_agent.errors import say
from watchkeeper_agent.sample import Counters, Sample


class Collector(Protocol):
    """One subject of a machine; made once, asked every round."""

    def collect(self, sample: Sample) -> None:
        """Put what is known now; what this machine does not have is left out."""


registered: dict[str, Callable[[], Collector]] = {}

Kind = TypeVar("Kind", bound=Callable[[], Collector])


def collector(name: str) -> Callable[[Kind], Kind]:
    """Register a class of collector under its subject."""

    def keep(kind: Kind) -> Kind:
        registered[name] = kind
        return kind

    return keep


class Collectors:
    """Every collector of this machine, with the counters they share."""

    def __init__(self, names: list[str] | None = None) -> None:
        self.counters = Counters()
        self.collectors = {name: registered[name]() for name in names or registered}

    def sample(self, at: float | None = None) -> Sample:
        """Ask all of them; one that fails is named and costs its own values alone."""
        sample = Sample(time.monotonic() if at is None else at, self.counters)
        for name, one in self.collectors.items():
            try:
                one.collect(sample)
            except Exception as error:  # noqa: BLE001 - the others must go on whatever happens
                say(f"collector {name}", f"Collector {name} failed: {type(error).__name__}: {error}")
        return sample


def read(path: str) -> str:
    """A small file of the kernel's, or nothing where it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib costs memory
            return file.read()
    except OSError:
        return ""


def proc(name: str) -> str:
    """A file below /proc, wherever psutil was told that it is."""
    return read(f"{getattr(psutil, 'PROCFS_PATH', '/proc')}/{name}")
