"""What every store must answer: the plain one in memory, and ours in whatever state its rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from accounts.models import Team
from metrics import journal, merging, recent, sealing, side
from metrics.base import HOURS, MINUTES, RAW, Store
from metrics.database import DatabaseStore
from metrics.journal import Entry
from metrics.latest import latest
from metrics.memory import MemoryStore
from metrics.tiers import DAY, HOUR
from servers.models import Server

NOON = 1_790_000_000_000 - 1_790_000_000_000 % DAY + DAY // 2
NAN = float("nan")
Rows = Sequence[tuple[int, Sequence[float]]]
ROOT, DATA = 'disk_used_percent{mount="/"}', 'disk_used_percent{mount="/data"}'


@dataclass
class Subject:
    """A store, its servers, and what is done to it between telling and asking."""

    store: Store
    servers: list[int]
    settle: Callable[[], None]

    def tell(self, server: int, columns: Sequence[str], rows: Rows) -> None:
        times = np.array([NOON + 1000 * after for after, _ in rows], np.int64)
        values = np.array([row for _, row in rows], np.float64).reshape(len(rows), len(columns))
        self.store.append(self.servers[server], columns, times, values)


def nothing() -> None:
    """Leave the rows where they are."""


def sealed() -> None:
    while sealing.step(NOON + 30 * DAY):
        pass


def merged() -> None:
    sealed()
    while merging.step(NOON + 3 * DAY, 10.0):
        pass


def put(entry: Entry) -> None:
    """The journal's writer without its thread."""
    entry.received = int(entry.times.max())
    journal._insert([entry])
    latest.take(entry.server, entry.layout, entry.received, entry.times, entry.values)
    recent.take([entry])
    entry.answer.set_result(None)


WAYS = {"journal": nothing, "followed": nothing, "sealed": sealed, "merged": merged}


@pytest.fixture(params=["memory", *WAYS])
def subject(request: pytest.FixtureRequest, db: None) -> Iterator[Subject]:
    if request.param == "memory":
        yield Subject(MemoryStore(), [7, 8, 9], nothing)
        return
    team = Team.objects.create(name="Main")
    made = [
        Server.objects.create(team=team, name=name, fingerprint=name, number=n).pk for n, name in enumerate("abc")
    ]
    if request.param != "journal":
        recent.fill()
    yield Subject(DatabaseStore(put), made, WAYS[request.param])
    recent.forget()


def line(subject: Subject, server: int, tier: int, start: int = -60, end: int = 7200) -> dict[str, list[list[float]]]:
    one, begin, last = subject.servers[server], NOON + start * 1000, NOON + end * 1000
    named = subject.store.series(one, {"load1", "disk_used_percent"}, begin, last)
    found = subject.store.range(one, named, begin, last, tier)
    return {
        metric + "".join(value for _, value in labels): [
            [(at - NOON) / 1000, low, high, mean, count]
            for at, low, high, mean, count in zip(
                one.t.tolist(),
                one.low.tolist(),
                one.high.tolist(),
                one.mean.tolist(),
                one.count.tolist(),
                strict=True,
            )
        ]
        for (metric, labels), one in found.items()
        if len(one.t)
    }


def test_samples_come_back_with_gaps_in_order_and_the_last_stored_counts(subject: Subject) -> None:
    subject.tell(0, ["load1", ROOT], [(0, [1, 50]), (10, [2, NAN])])
    subject.tell(0, ["load1", ROOT], [(30, [4, 52])])
    subject.tell(0, ["load1"], [(20, [3])])
    subject.settle()
    subject.tell(0, ["load1", DATA], [(10, [2.5, 7])])
    subject.tell(0, ["load1"], [(10, [NAN])])
    found = line(subject, 0, RAW)
    assert [(at, mean) for at, *_, mean, _ in found["load1"]] == [(0, 1), (10, 2.5), (20, 3), (30, 4)]
    assert [(at, mean) for at, *_, mean, _ in found["disk_used_percent/"]] == [(0, 50), (30, 52)]
    assert [(at, mean) for at, *_, mean, _ in found["disk_used_percent/data"]] == [(10, 7)]
    assert line(subject, 1, RAW) == {}
    assert [at for at, *_ in line(subject, 0, RAW, 10, 20)["load1"]] == [10, 20]


def test_buckets_are_counted_over_borders_of_minutes_hours_and_days(subject: Subject) -> None:
    subject.tell(0, ["load1"], [(at, [float(at)]) for at in (-10, 0, 10, 290, 300, 3590, 3600, 90_000)])
    subject.settle()
    subject.tell(0, ["load1"], [(305, [1000.0])])
    found = line(subject, 0, MINUTES, -60, 100_000)["load1"]
    assert found[:4] == [
        [-300, -10, -10, -10, 1], [0, 0, 290, 100, 3], [300, 300, 1000, 650, 2], [3300, 3590, 3590, 3590, 1],
    ]  # fmt: skip
    assert [row[0] for row in found[4:]] == [3600, 90_000]
    hours = line(subject, 0, HOURS, -60, 100_000)["load1"]
    assert [row[:3] + row[4:] for row in hours] == [
        [-3600, -10, -10, 1], [0, 0, 3590, 6], [3600, 3600, 3600, 1], [90_000, 90_000, 90_000, 1],
    ]  # fmt: skip
    assert hours[1][3] == pytest.approx((0 + 10 + 290 + 300 + 3590 + 1000) / 6, abs=0.01)


def test_the_fleet_stands_side_by_side_with_what_came_last(subject: Subject) -> None:
    for server, base in enumerate((10.0, 20.0)):
        subject.tell(server, ["load1"], [(at, [base + at / 10]) for at in range(0, 600, 10)])
    subject.settle()
    subject.tell(2, ["load1"], [(310, [99.0])])
    subject.tell(1, ["load1"], [(600, [5.0])])
    found = subject.store.fleet_range("load1", NOON, NOON + 700_000, MINUTES, subject.servers)["load1", ()]
    assert ((found.t - NOON) // 1000).tolist() == [0, 300, 600]
    assert found.series.tolist() == subject.servers
    assert found.count.tolist() == [[30, 30, 0], [30, 30, 1], [0, 1, 0]]
    assert found.low[:, 1].tolist() == [20, 50, 5]
    assert found.high[1].tolist() == [69, 79, 99]
    assert found.mean[0, 0] == pytest.approx(24.5)
    hours = subject.store.fleet_range("load1", NOON, NOON + 700_000, HOURS, subject.servers)["load1", ()]
    assert (hours.count.tolist(), hours.low[0, 1]) == ([[60, 61, 1]], 5)


def test_the_worst_are_found_by_their_worst_label_set(subject: Subject) -> None:
    subject.tell(0, [ROOT, DATA], [(0, [50, 91]), (10, [52, 93])])
    subject.tell(1, [ROOT], [(0, [70])])
    subject.tell(2, [ROOT], [(0, [NAN])])
    subject.settle()
    start, end = NOON - 60_000, NOON + 60_000
    best = subject.store.top("disk_used_percent", start, end, "avg", subject.servers)
    assert [(one.server, one.key[1], one.value) for one in best] == [
        (subject.servers[0], (("mount", "/data"),), 92), (subject.servers[1], (("mount", "/"),), 70),
    ]  # fmt: skip
    assert [one.value for one in subject.store.top(ROOT, start, end, "max", subject.servers)] == [70, 52]
    assert [one.value for one in subject.store.top(ROOT, start, end, "min", subject.servers[:1])] == [50]
    assert subject.store.top("load1", start, end, "avg", subject.servers) == []


def test_the_least_memory_is_the_worst(subject: Subject) -> None:
    for server, free in enumerate((5e9, 1e9, 3e9)):
        subject.tell(server, ["memory_available_bytes"], [(0, [free])])
    best = subject.store.top("memory_available_bytes", NOON - 60_000, NOON + 60_000, "avg", subject.servers)
    assert [one.value for one in best] == [1e9, 3e9, 5e9]


def test_the_newest_row_is_known_of_every_server(subject: Subject) -> None:
    subject.tell(0, ["load1", ROOT, DATA], [(0, [1, 50, 91]), (10, [2, 50, NAN])])
    subject.tell(1, ["load1"], [(10, [3])])
    subject.tell(1, ["load1"], [(5, [9])])  # late
    subject.settle()
    found = subject.store.latest(subject.servers, ["load1", "disk_used_percent", ROOT])
    assert (found.received > 0).tolist() == [True, True, False]
    expected = [[2, 50, 50], [3, NAN, NAN], [NAN, NAN, NAN]]
    assert np.array_equal(found.values, np.array(expected), equal_nan=True)


def test_series_are_listed_and_a_tier_ends_where_it_was_cut(subject: Subject) -> None:
    subject.tell(0, ["load1", ROOT], [(0, [1, 50])])
    subject.tell(0, ["load1"], [(3 * 86_400, [2])])
    subject.settle()
    ask = subject.servers[0], {"load1", "disk_used_percent"}, NOON - HOUR
    named = [one.key for one in subject.store.series(*ask, NOON + 4 * DAY)]
    assert named == [("disk_used_percent", (("mount", "/"),)), ("load1", ())]
    assert subject.store.series(subject.servers[1], None, 0, NOON + 4 * DAY) == []
    first = subject.store.first(RAW)
    assert first is not None
    assert first <= NOON


def table(subject: Subject, agg: str = "avg", start: int = -3600, end: int = 9000) -> tuple[bytes, list[list[float]]]:
    """As text, of which whole hours may be ready, and as it is counted from the buckets now."""
    t = np.arange(NOON + start * 1000, NOON + end * 1000, 300_000)
    asked = side.Asked("load1", agg, t, 300_000, np.array(subject.servers))
    plain = side.values(subject.store, asked, int(t[0]), int(t[-1]))
    return side.text(subject.store, asked), msgspec.json.decode(msgspec.json.encode(plain.T.tolist()))


@pytest.mark.parametrize("agg", ["avg", "max"])
def test_a_table_that_is_ready_says_what_is_true_whatever_came_late(subject: Subject, agg: str) -> None:
    before = b""
    for number, late in enumerate((0, 3700, 10, 7210)):
        subject.tell(number % 3, ["load1", ROOT], [(late + 20 * number, [number * 1.5, number])])
        for change in (nothing, subject.settle, nothing):
            change()
            written, plain = table(subject, agg)
            assert msgspec.json.decode(written) == plain
            cut, plain = table(subject, agg, -900, 3000)
            assert msgspec.json.decode(cut) == plain
        assert written != before
        before = written


def test_hours_of_one_mark_have_the_same_buckets(subject: Subject) -> None:
    ask = "load1", NOON - HOUR, NOON + 3 * HOUR
    known: dict[tuple[int, object], object] = {}
    for late in (0, 3700, 10, 7210):
        subject.tell(0, ["load1"], [(late, [late])])
        for change in (nothing, subject.settle, nothing):
            change()
            for hour, mark in subject.store.settled(*ask, subject.servers).items():
                found = subject.store.fleet_range("load1", hour, hour + HOUR - 1, MINUTES, subject.servers)
                said = [(one.t.tolist(), one.count.tolist(), one.mean.tolist()) for one in found.values()]
                assert repr(known.setdefault((hour, mark), said)) == repr(said)
