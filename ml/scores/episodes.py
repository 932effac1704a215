"""Times in which a server is unusual: begun by a score of 1, which stands for three of five points; ended by calm."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

from django.db import IntegrityError, transaction

from core.clock import from_milliseconds
from ml.models import Episode
from ml.scores.book import Known
from ml.stacked import Reason

LIMIT = 1.0
CALM = 600_000
LONG = 6 * 3_600_000
STEADY = 0.25  # the last half hour is that near to the last hours
FAST, SLOW = 1_800_000, 3 * 3_600_000
SAVE_EVERY = 60_000


@dataclass(slots=True)
class Open:
    """An episode that goes on; `dirty` when its row says less than is known."""

    id: int
    began: int
    last: int
    peak: float
    fast: float
    slow: float
    seen: int
    saved: int = 0
    asked: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


class Episodes:
    """All that go on, by server; rows are written as they begin, end, and now and then between."""

    def __init__(self) -> None:
        self.open: dict[int, Open] = {}
        self.begun: list[int] = []
        """Rows that began since somebody asked last."""

    def load(self) -> None:
        self.open = {
            row.server_id: Open(
                row.pk, _ms(row.began_at), _ms(row.last_at), row.peak, row.level, row.level, _ms(row.last_at),
                asked=row.asked_at is not None,
            )
            for row in Episode.objects.open().iterator()
        }  # fmt: skip

    def take(self, known: Known, at: int, score: float, reasons: tuple[Reason, ...]) -> None:
        one = self.open.get(known.server)
        if one is None:
            if score >= LIMIT:
                self._begin(known, at, score, reasons)
            return
        one.fast, one.slow = (
            _nearer(mean, score, at - one.seen, over) for mean, over in ((one.fast, FAST), (one.slow, SLOW))
        )
        one.seen = at
        if score >= LIMIT:
            self._goes_on(known, one, at, score, reasons)
        elif at - one.last >= CALM:
            self._end(known.server, one)

    def _begin(self, known: Known, at: int, score: float, reasons: tuple[Reason, ...]) -> None:
        moment = from_milliseconds(at)
        try:
            with transaction.atomic():
                row = Episode.objects.create(
                    server_id=known.server, began_at=moment, last_at=moment, peak=score, peak_at=moment,
                    top=told(known.columns, reasons), version=known.number, level=score,
                )  # fmt: skip
        except IntegrityError:
            return  # the server was removed a moment ago
        self.open[known.server] = Open(row.pk, at, at, score, score, score, at, saved=at)
        self.begun.append(row.pk)

    def _goes_on(self, known: Known, one: Open, at: int, score: float, reasons: tuple[Reason, ...]) -> None:
        one.last = at
        if score > one.peak:
            one.peak = score
            one.fields |= {"peak": score, "peak_at": from_milliseconds(at), "top": told(known.columns, reasons)}
        steady = abs(one.fast - one.slow) <= STEADY * one.slow
        if not one.asked and at - one.began >= LONG and steady:
            one.asked = True
            one.fields["asked_at"] = from_milliseconds(at)
            one.saved = 0
        if at - one.saved >= SAVE_EVERY:
            self._save(one)

    def _save(self, one: Open, ended: datetime | None = None) -> None:
        fields = {"last_at": from_milliseconds(one.last), "level": one.slow, **one.fields}
        if ended is not None:
            fields["ended_at"] = ended
        Episode.objects.filter(pk=one.id).update(**fields)
        one.fields.clear()
        one.saved = max(one.seen, one.last)

    def _end(self, server: int, one: Open) -> None:
        self._save(one, from_milliseconds(one.last))
        del self.open[server]

    def pass_time(self, now: int, asleep: set[int]) -> None:
        """Servers that say nothing, are paused or gone: an episode does not go on without points."""
        for server, one in list(self.open.items()):
            if server in asleep and now - one.seen >= CALM:
                self._end(server, one)


def told(columns: tuple[str, ...], reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    """As JSON; of a series that has stopped there is no value."""
    return [
        {
            "column": columns[one.column], "share": _finite(one.share, 4), "z": _finite(one.z, 3),
            "value": _finite(one.value, 6), "low": _finite(one.usual_low, 6), "high": _finite(one.usual_high, 6),
        }
        for one in reasons
    ]  # fmt: skip


def _finite(value: float, digits: int) -> float | None:
    return round(value, digits) if isfinite(value) else None


def _nearer(mean: float, score: float, passed: int, over: int) -> float:
    share = min(max(passed, 0) / over, 1.0)
    return mean + share * (score - mean)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
