"""How a time is shared out: up, planned, unknown, down. The four make up the whole of what was lived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reports.engine.spans import Spans, both, joined, length, without


class Window(NamedTuple):
    """A planned time, and when it was written down."""

    start: int
    end: int
    written: int


@dataclass(slots=True)
class Shares:
    """Milliseconds of each, and when it was down."""

    lived: int = 0
    up: int = 0
    planned: int = 0
    unknown: int = 0
    down: int = 0
    downs: Spans = field(default_factory=list)

    @property
    def percent(self) -> float | None:
        """Up as a share of the time that counts: neither planned nor unknown. None where nothing counts."""
        counted = self.up + self.down
        return 100.0 * self.up / counted if counted else None

    def add(self, other: Shares) -> None:
        self.lived += other.lived
        self.up += other.up
        self.planned += other.planned
        self.unknown += other.unknown
        self.down += other.down


def judged(life: Spans, silent: Spans, away: Spans, windows: Sequence[Window], blind: Spans | None = None) -> Shares:
    """Share a life out. `silent` is when it was not heard, or failed; `away` when we were not there to hear it;
    `blind` when nobody looked.

    A window that was written down after a silence had begun does not make that silence a planned one.
    """
    life = joined(life)
    quiet = both(joined([*silent, *(blind or [])]), life)
    planned: Spans = []
    for span in quiet:
        planned += both([span], joined((one.start, one.end) for one in windows if one.written <= span[0]))
    rest = without(quiet, joined(planned))
    unknown = both(rest, joined([*away, *(blind or [])]))
    downs = without(rest, unknown)
    lived, silence = length(life), length(quiet)
    return Shares(lived, lived - silence, length(planned), length(unknown), length(downs), downs)


def met(share: Shares, target: float) -> bool | None:
    """Whether a promise such as 99.9 % was kept; None where nothing counts."""
    return None if share.percent is None else share.percent >= target


def budget(share: Shares, target: float) -> int:
    """Milliseconds of downtime that the promise still allowed; less than none where it was broken."""
    return round((share.up + share.down) * (100.0 - target) / 100.0) - share.down
