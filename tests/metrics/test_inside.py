"""The inside door: samples of our own making, that are judged and kept and say nothing of the machine's life."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from alerts.absence import last_received, newest_reports
from core.clock import milliseconds
from metrics import inside, journal, recent, sealing
from metrics.latest import latest
from metrics.models import Chunk, JournalRow
from metrics.services import TooManySeries, put
from metrics.store import DatabaseStore
from servers.clones import clones
from tests.conftest import Machine


def test_a_sample_of_ours_is_stored_and_read_like_any_other(machine: Callable[..., Machine]) -> None:
    server = machine().server.pk
    at = milliseconds()
    both = ("anomaly_score", "anomaly_rate_percent")
    put(server, both, [at - 10_000, at], [[0.5, 1.0], [0.7, float("nan")]], wait=5)
    store = DatabaseStore()
    named = store.series(server, {"anomaly_score"}, at - 60_000, at + 1)
    assert [one.key[0] for one in named] == ["anomaly_score"]
    (line,) = store.range(server, named, at - 60_000, at + 1).values()
    assert line.mean.tolist() == [0.5, 0.7]
    (row,) = journal.read(0)
    assert row.own


def test_it_is_no_sign_of_life_of_the_machine(machine: Callable[..., Machine]) -> None:
    one = machine()
    one.report(time.time() - 5, cpu_used_percent=3.0)
    before = latest.get(one.server.pk)
    heard = newest_reports()
    at = milliseconds()
    put(one.server.pk, ('check_up{check="door"}',), [at], [[1.0]], wait=5)
    assert latest.get(one.server.pk) is before
    assert newest_reports() == heard
    assert last_received(at) == {heard[one.server.pk][0]}
    latest.rows.clear()
    latest.own.clear()
    latest.mend()
    assert latest.rows.keys() == {one.server.pk}
    assert latest.rows[one.server.pk].value("cpu_used_percent") == 3.0
    assert latest.own_value(one.server.pk, 'check_up{check="door"}') == (at, 1.0)


def test_the_newest_values_of_ours_stand_beside_those_of_the_machine(machine: Callable[..., Machine]) -> None:
    one = machine()
    one.report(cpu_used_percent=3.0)
    put(one.server.pk, ("anomaly_score",), [milliseconds()], [[1.5]], wait=5)
    found = DatabaseStore().latest([one.server.pk], ["cpu_used_percent", "anomaly_score"])
    assert found.values.tolist() == [[3.0, 1.5]]


def test_numbers_of_the_agents_batches_and_its_runs_stay_as_they_were(machine: Callable[..., Machine]) -> None:
    one = machine()
    one.report(cpu_used_percent=3.0)
    put(one.server.pk, ("anomaly_score",), [milliseconds()], [[1.5]], wait=5)
    assert one.report(cpu_used_percent=4.0).json()["accepted"] == 1
    row = JournalRow.objects.get(seq=None)
    entry = journal.Entry(row.server_id, inside.layout_of(["anomaly_score"]), 1, [1], [[1]], boot=row.boot)  # type: ignore[arg-type]
    before = dict(clones.runs)
    clones.take([entry])
    assert clones.runs == before


def test_an_agent_cannot_pretend_to_be_us(machine: Callable[..., Machine]) -> None:
    machine().report(boot="#own", cpu_used_percent=3.0)
    (row,) = journal.read(0)
    assert not row.own


def test_our_own_series_have_an_allowance_of_their_own(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "QUOTA", 2)
    one = machine()
    at = milliseconds()
    put(one.server.pk, ("a", "b"), [at], [[1, 2]], wait=5)
    with pytest.raises(TooManySeries):
        put(one.server.pk, ("c",), [at], [[1]])
    put(one.server.pk, ("b", "a"), [at], [[1, 2]], wait=5)
    assert one.report(cpu_used_percent=4.0).json()["accepted"] == 1


def test_what_we_found_is_sealed_beside_the_rest_and_reads_the_same(machine: Callable[..., Machine]) -> None:
    servers = [machine(f"web-{number}") for number in range(3)]
    start = milliseconds() // 3_600_000 * 3_600_000 - 3_600_000
    for step in range(30):
        for number, one in enumerate(servers):
            one.report((start + step * 10_000) / 1000, cpu_used_percent=float(step + number), load1=1.0)
            if step % 6 == 5:
                times = [start + (step - back) * 10_000 for back in range(5, -1, -1)]
                put(one.server.pk, ("anomaly_score", "anomaly_rate_percent"), times, [[number, 2.0]] * 6, wait=30)
    before = [_all(one.server.pk, start) for one in servers]
    assert sum(map(len, before[0].values())) == 4 * 30
    newest = JournalRow.objects.latest("pk").pk
    sealing.seal(0, newest)
    assert Chunk.objects.filter(tier=0).count() == 6
    JournalRow.objects.all().delete()
    recent.trim(newest)
    assert [_all(one.server.pk, start) for one in servers] == before


def _all(server: int, start: int) -> dict[str, dict[int, float]]:
    store = DatabaseStore()
    lines = store.range(server, store.series(server, None, start, start + 3_600_000), start, start + 3_600_000)
    return {key[0]: dict(zip(line.t.tolist(), line.mean.tolist(), strict=True)) for key, line in lines.items()}
