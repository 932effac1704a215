"""What tests of the store share: rows put into the journal at chosen times, and what must be answered about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from metrics import chunks, merging, sealing, tiers
from metrics.journal import Entry, _insert
from metrics.layouts import layouts
from metrics.names import layout_hash
from metrics.tiers import DAY, HOUR

NOON = 1_790_000_000_000 - 1_790_000_000_000 % DAY + DAY // 2
MINUTE = 60_000
Row = tuple[int, Sequence[float]]
NAN = float("nan")


class Told:
    """Writes rows into the journal and keeps, the plain way, what has to come back."""

    def __init__(self) -> None:
        self.truth: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
        self.received = NOON

    def say(self, server: int, columns: Sequence[str], rows: Iterable[Row], *, received: int | None = None) -> None:
        layout = layouts.learn(layout_hash(list(columns)), list(columns))
        listed = list(rows)
        times = np.array([at for at, _ in listed], np.int64)
        values = np.array([row for _, row in listed], np.float64).reshape(len(listed), len(columns))
        self.received = int(times.max()) if received is None else received
        _insert([Entry(server, layout, self.received, times, values)])
        for at, row in listed:
            for series, value in zip(layout.series.tolist(), row, strict=True):
                if not np.isnan(value):
                    self.truth[server, series][at] = float(value)

    def seal(self, at: int | None = None) -> None:
        at = self.received + 2 * sealing.EVERY if at is None else at
        while sealing.step(at):
            pass

    def merge(self, at: int) -> None:
        while merging.step(at, 10.0):
            pass

    def holds(self) -> None:
        """Every value is there to its last bit, and none beside them; every bucket is made of them."""
        by_server: dict[int, list[int]] = defaultdict(list)
        for server, series in self.truth:
            by_server[server].append(series)
        for server, listed in by_server.items():
            found = chunks.raw(server, listed, 0, NOON + 900 * DAY)
            assert set(found) == {series for series in listed if self.truth[server, series]}
            for series in found:
                self._same(server, series, *found[series])
            for tier in (tiers.FINE, tiers.COARSE):
                self._buckets(server, listed, tier)

    def _same(self, server: int, series: int, times: chunks.Times, values: chunks.Array) -> None:
        wanted = sorted(self.truth[server, series].items())
        assert times.tolist() == [at for at, _ in wanted]
        assert values.tobytes() == np.array([value for _, value in wanted], np.float64).tobytes()

    def _buckets(self, server: int, listed: list[int], tier: int) -> None:
        found = chunks.rolled(server, listed, 0, NOON + 900 * DAY, tier)
        for series in listed:
            wanted = self.buckets(server, series, tier)
            have = found[series]
            assert have.t.tolist() == sorted(wanted), f"tier {tier}"
            for place, at in enumerate(have.t.tolist()):
                values = wanted[at]
                assert (have.low[place], have.high[place]) == (min(values), max(values))
                assert have.count[place] == len(values)
                width = max(max(one) for one in wanted.values()) - min(min(one) for one in wanted.values())
                assert abs(have.mean[place] - np.mean(values)) <= width / 500 + 1e-9 * abs(np.mean(values))

    def buckets(self, server: int, series: int, tier: int) -> dict[int, list[float]]:
        found: dict[int, list[float]] = defaultdict(list)
        for at, value in self.truth[server, series].items():
            found[at - at % (tier * 1000)].append(value)
        return found

    def rolled(self, server: int, column: str, tier: int = 300) -> list[chunks.Buckets]:
        return list(chunks.rolled(server, [series_of(column)], 0, NOON + 900 * DAY, tier).values())

    def fleet_holds(self, column: str, tier: int = 300) -> None:
        series = series_of(column)
        found = chunks.fleet(series, 0, NOON + 900 * DAY, tier)
        have = {
            (server, at): (found.low[row, place], found.high[row, place], found.count[row, place])
            for place, server in enumerate(found.servers.tolist())
            for row, at in enumerate(found.t.tolist())
            if found.count[row, place]
        }
        wanted = {
            (server, at): (min(values), max(values), len(values))
            for server, one in list(self.truth)
            if one == series
            for at, values in self.buckets(server, series, tier).items()
        }
        assert have == wanted


def series_of(column: str) -> int:
    (series,) = layouts.learn(layout_hash([column]), [column]).series.tolist()
    return int(series)


def later(hours: float) -> int:
    return NOON + int(hours * HOUR)
