"""The spool: what was synced is never lost, what is read is never wrong, what a cap takes is counted."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watchkeeper_agent.rows import Batch, Limits
from watchkeeper_agent.sample import layout_of
from watchkeeper_agent.segments import Ranges
from watchkeeper_agent.spool import Spool

COLUMNS = ["cpu_used_percent", 'disk_used_percent{mount="/"}']
LAYOUT = layout_of(COLUMNS)


def put(spool: Spool, number: int, *, live: bool = True, columns: list[str] = COLUMNS) -> None:
    spool.append(columns, layout_of(columns), [float(number), number, None], live=live, extras={})


def drain(spool: Spool) -> Iterator[Batch]:
    while batch := spool.take():
        yield batch
        spool.settle(batch)


def times(batches: list[Batch]) -> list[list[float]]:
    return [[row[0] for row in batch.rows] for batch in batches]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "spool")


def test_a_row_taken_while_the_hub_answers_goes_out_alone_with_its_own_number(folder: str) -> None:
    spool = Spool(folder)
    put(spool, 1)
    put(spool, 2)
    found = list(drain(spool))
    assert times(found) == [[2.0], [1.0]]
    assert {(one.boot, one.seq) for one in found} == {(spool.boot, 1), (spool.boot, 2)}
    assert spool.waiting() == 0


def test_after_an_outage_the_newest_goes_first_and_the_past_many_together(folder: str) -> None:
    spool = Spool(folder)
    put(spool, 0)
    for number in range(1, 101):
        put(spool, number, live=False)
    put(spool, 101)
    found = times(list(drain(spool)))
    assert found[0] == [101.0]
    assert found[1] == [0.0]
    assert [len(rows) for rows in found[2:]] == [60, 40]
    assert [row for rows in found[2:] for row in rows] == [float(number) for number in range(1, 101)]


def test_the_same_rows_keep_their_identity_over_a_kill(folder: str) -> None:
    """Sent, killed before the answer: the hub must be able to see that it is the same batch."""
    first = Spool(folder)
    put(first, 1)
    for number in range(2, 6):
        put(first, number, live=False)
    first.settle(first.take() or pytest.fail("The newest row should be offered."))
    sent = [first.take()]
    first.settle(sent[0] or pytest.fail("Nothing left to send."))
    sent.append(first.take())
    identities = {(batch.boot, batch.seq): [row[0] for row in batch.rows] for batch in sent if batch}

    second = Spool(folder)  # nothing was saved: the position file was never written
    found = {(batch.boot, batch.seq): [row[0] for row in batch.rows] for batch in drain(second)}
    assert identities.items() <= found.items()
    assert sorted(at for rows in found.values() for at in rows) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_what_is_settled_is_not_sent_again_after_a_clean_stop(folder: str) -> None:
    first = Spool(folder)
    for number in range(5):
        put(first, number)
    for _ in range(2):
        first.settle(first.take() or pytest.fail("Nothing left to send."))
    first.close()
    assert times(list(drain(Spool(folder)))) == [[1.0], [2.0], [3.0]]


def test_batch_identities_never_repeat_over_many_lives(folder: str) -> None:
    seen: set[tuple[str, int]] = set()
    for life in range(5):
        spool = Spool(folder)
        put(spool, life)
        batch = spool.take()
        assert batch
        assert (batch.boot, batch.seq) not in seen
        seen.add((batch.boot, batch.seq))
        spool.settle(batch)
        spool.close()


def test_a_change_of_columns_is_a_batch_of_its_own(folder: str) -> None:
    spool = Spool(folder)
    for number in range(4):
        put(spool, number, live=False, columns=COLUMNS if number < 2 else [*COLUMNS, "load1"][1:])
    put(spool, 9)
    found = list(drain(spool))
    assert times(found) == [[9.0], [0.0, 1.0], [2.0, 3.0]]
    assert all(layout_of(batch.columns) == batch.layout for batch in found)


def test_caps_drop_the_oldest_and_count_exactly(folder: str) -> None:
    spool = Spool(folder, Limits(size=20_000, segment_size=2_000))
    for number in range(500):
        put(spool, number)
    kept = spool.waiting()
    assert spool.size() < 24_000
    found = list(drain(spool))
    assert sorted(row[0] for batch in found for row in batch.rows) == [float(n) for n in range(500 - kept, 500)]
    reported = [event["fields"] for batch in found for event in batch.extras.get("events", [])]
    assert max(one["total"] for one in reported) == spool.told == spool.dropped == 500 - kept
    assert spool.samples == 500 - kept, "one value of each row was measured"


def test_the_age_cap_drops_what_is_older(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    spool = Spool(folder, Limits(age=86_400))
    for hour in range(30):
        monkeypatch.setattr("watchkeeper_agent.spool.time.monotonic", lambda hour=hour: now + hour * 3600)
        put(spool, hour)
    assert sorted(row[0] for batch in drain(spool) for row in batch.rows)[0] == pytest.approx(5, abs=1)


def test_settled_rows_stay_ten_minutes_more(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    spool = Spool(folder, Limits(segment_age=60))
    for minute in range(20):
        monkeypatch.setattr("watchkeeper_agent.spool.time.monotonic", lambda minute=minute: now + minute * 60)
        put(spool, minute)
        list(drain(spool))
    assert 10 <= len(spool.segments) <= 13
    assert spool.dropped == 0


def full(*_: Any) -> int:
    raise OSError(28, "No space left on device")


def test_a_full_disk_costs_no_row_while_memory_has_room(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(folder)
    put(spool, 1)
    with monkeypatch.context() as patch:
        patch.setattr("watchkeeper_agent.segments.os.write", full)
        put(spool, 2)
        put(spool, 3)
        assert spool.waiting() == 3
        assert times([spool.take() or pytest.fail("The newest row should be offered.")]) == [[3.0]]
    put(spool, 4)
    assert times(list(drain(spool))) == [[4.0], [1.0], [2.0], [3.0]]
    assert spool.dropped == 0


def test_a_long_full_disk_drops_the_oldest_and_counts_each_value(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchkeeper_agent.spool.MOST_HELD", 5)
    spool = Spool(folder)
    with monkeypatch.context() as patch:
        patch.setattr("watchkeeper_agent.segments.os.write", full)
        for number in range(8):
            put(spool, number)
        first = spool.take() or pytest.fail("The newest row should be offered.")
        spool.settle(first)
        assert first.rows[0][0] == 7.0
        assert not spool.take(past=False)
    put(spool, 8)
    found = list(drain(spool))
    assert sorted(row[0] for batch in found for row in batch.rows) == [3.0, 4.0, 5.0, 6.0, 8.0]
    assert (spool.dropped, spool.samples) == (3, 3)
    assert found[0].extras["events"][0]["fields"] == {"rows": 3, "total": 3, "samples_total": 3}


def test_a_folder_that_cannot_be_used_leaves_memory_and_is_used_once_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchkeeper_agent.spool.BETWEEN_TRIES", 0.0)
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file")
    spool = Spool(str(in_the_way))
    assert "rows are kept in memory" in capsys.readouterr().err
    for number in range(3):
        put(spool, number)
    spool.settle(spool.take() or pytest.fail("The newest row should be offered."))
    in_the_way.unlink()
    put(spool, 3)
    assert not spool.held
    assert "is written again" in capsys.readouterr().err
    spool.close()
    assert times(list(drain(Spool(str(in_the_way))))) == [[3.0], [0.0], [1.0]]


def test_rows_on_their_way_while_the_disk_comes_back_are_settled_there(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(folder)
    with monkeypatch.context() as patch:
        patch.setattr("watchkeeper_agent.segments.os.write", full)
        put(spool, 1)
        batch = spool.take() or pytest.fail("The row should be offered.")
    put(spool, 2)
    spool.settle(batch)
    assert times(list(drain(spool))) == [[2.0]]


def test_what_a_restored_hub_lost_goes_out_again_under_the_same_identities(folder: str) -> None:
    spool = Spool(folder)
    for number in range(6):
        put(spool, number, live=number == 0)
    before = {(one.boot, one.seq): times([one]) for one in drain(spool)}
    assert spool.recall() == 6
    assert {(one.boot, one.seq): times([one]) for one in drain(spool)} == before


@pytest.mark.parametrize("jump", [-366, 366])
def test_a_clock_that_jumped_a_year_between_two_lives_costs_no_row(folder: str, jump: int) -> None:
    first = Spool(folder, Limits(segment_size=500))
    for number in range(30):
        put(first, number)
    first.close()
    files = sorted(Path(folder).glob("*.spool"))
    for path in files[: len(files) // 2] if jump > 0 else files:
        then = time.time() - jump * 86_400
        os.utime(path, (then, then))
    second = Spool(folder, Limits(segment_size=500))
    put(second, 30)
    assert len([row for batch in drain(second) for row in batch.rows]) == 31
    assert second.dropped == 0


@given(rows=st.integers(1, 40), cut=st.integers(0, 4000), junk=st.binary(max_size=40), synced=st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_a_torn_end_costs_only_what_was_not_synced(rows: int, cut: int, junk: bytes, synced: int) -> None:
    """Everything after the last sync may be missing or be anything: what came before is read, and nothing wrong."""
    folder = tempfile.mkdtemp()
    try:
        spool = Spool(folder)
        safe = 0
        for number in range(1, rows + 1):
            put(spool, number, live=number % 3 == 0)
            if number == min(synced, rows):
                spool.sync()
                assert spool.writer
                safe = spool.writer.size
        assert spool.writer
        path = Path(spool.writer.path)
        content = path.read_bytes()
        path.write_bytes(content[: max(safe, len(content) - cut)] + junk)

        found = sorted(row for batch in drain(Spool(folder)) for row in batch.rows)
        assert found[: min(synced, rows)] == [[float(n), n, None] for n in range(1, min(synced, rows) + 1)]
        assert found == [[float(n), n, None] for n in range(1, len(found) + 1)]
    finally:
        shutil.rmtree(folder)


@given(at=st.integers(0, 3000), byte=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_is_never_read_as_a_row(at: int, byte: int) -> None:
    folder = tempfile.mkdtemp()
    try:
        spool = Spool(folder)
        for number in range(1, 21):
            put(spool, number, live=number % 2 == 0)
        assert spool.writer
        path = Path(spool.writer.path)
        content = bytearray(path.read_bytes())
        content[at % len(content)] = byte
        path.write_bytes(bytes(content))
        after = Spool(folder)
        put(after, 99)
        found = sorted(row for batch in drain(after) for row in batch.rows)
        assert found == [*([float(n), n, None] for n in range(1, len(found))), [99.0, 99, None]]
    finally:
        shutil.rmtree(folder)


def test_damage_in_an_old_file_is_counted_and_the_rest_is_read(folder: str) -> None:
    first = Spool(folder, Limits(segment_size=1_000))
    for number in range(30):
        put(first, number)
    damaged = sorted(Path(folder).glob("*.spool"))[1]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 255
    damaged.write_bytes(bytes(content))
    second = Spool(folder)
    rows = [row for batch in drain(second) for row in batch.rows]
    assert len(rows) + second.dropped == 30
    assert 0 < second.dropped < 10


def test_a_damaged_position_file_means_sending_again_not_losing(folder: str) -> None:
    first = Spool(folder)
    for number in range(3):
        put(first, number)
    list(drain(first))
    first.close()
    (Path(folder) / "position").write_text("{broken")
    assert len(list(drain(Spool(folder)))) == 3


@given(numbers=st.lists(st.integers(1, 60)))
def test_ranges_are_a_set(numbers: list[int]) -> None:
    ranges = Ranges()
    for number in numbers:
        ranges.add(number)
    assert {n for n in range(70) if n in ranges} == set(numbers)
    assert ranges.count(10, 50) == len({n for n in numbers if 10 <= n <= 50})
    assert ranges.after(1) == next(n for n in range(1, 70) if n not in set(numbers))
    ranges.forget_below(30)
    assert {n for n in range(70) if n in ranges} == {n for n in numbers if n >= 30}


def test_a_damaged_old_file_under_rows_sent_together_does_not_stop_the_past(folder: str) -> None:
    first = Spool(folder, Limits(segment_size=2_000))
    for number in range(40):
        put(first, number, live=False)
    put(first, 40)
    first.settle(first.take() or pytest.fail("The newest row should be offered."))
    assert len((first.take() or pytest.fail("The past should be offered.")).rows) > 5
    damaged = min(Path(folder).glob("*.spool"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 255
    damaged.write_bytes(bytes(content))
    second = Spool(folder)
    rows = [row for batch in drain(second) for row in batch.rows]
    assert len({row[0] for row in rows}) == len(rows)
    assert {row[0] for row in rows} >= {0.0, 39.0}
    assert second.waiting() == 0


def test_halves_keep_their_numbers_over_a_kill(folder: str) -> None:
    first = Spool(folder)
    for number in range(7):
        put(first, number, live=False)
    first.settle(first.take() or pytest.fail("The newest row should be offered."))
    whole = first.take() or pytest.fail("The past should be offered.")
    first.halve(whole)
    half = first.take() or pytest.fail("A half should be offered.")
    assert [row[0] for row in half.rows] == [0.0, 1.0, 2.0]
    found = {(one.boot, one.seq): [row[0] for row in one.rows] for one in drain(Spool(folder))}
    assert found[half.boot, half.seq] == [0.0, 1.0, 2.0]
    assert (whole.boot, whole.seq) not in found


def test_a_row_damaged_while_it_waits_does_not_send_its_neighbours_for_ever(folder: str) -> None:
    spool = Spool(folder)
    for number in range(6):
        put(spool, number, live=False)
    spool.settle(spool.take() or pytest.fail("The newest row should be offered."))
    batch = spool.take() or pytest.fail("The past should be offered.")
    assert len(batch.numbers) == 5
    path = Path(spool.segments[0].path)
    content = bytearray(path.read_bytes())
    content[spool.segments[0].offsets[2] + 12] ^= 255
    path.write_bytes(bytes(content))
    assert times(list(drain(spool))) == [[0.0, 1.0, 3.0, 4.0]]
    assert (spool.waiting(), spool.dropped) == (0, 1)


def test_a_disk_that_is_full_at_the_start_lets_the_past_go_out_and_counts_nothing_twice(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("watchkeeper_agent.spool.BETWEEN_TRIES", 0.0)
    first = Spool(folder)
    for number in range(4):
        put(first, number, live=False)
    first.dropped = first.told = 3
    first.close()
    with monkeypatch.context() as patch:
        patch.setattr("watchkeeper_agent.segments.os.write", full)
        second = Spool(folder)
        for number in range(4, 7):
            put(second, number)
        assert (second.dropped, second.told, second.waiting()) == (3, 3, 7)
        assert times(list(drain(second))) == [[6.0], [0.0, 1.0, 2.0, 3.0], [4.0], [5.0]]
    put(second, 7)
    assert times(list(drain(second))) == [[7.0]]
    assert (second.dropped, second.told) == (3, 3)
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_a_number_the_hub_has_heard_is_not_given_to_another_row(folder: str) -> None:
    """A power cut took the rows of a file just begun, and left the file and what was acknowledged of it."""
    first = Spool(folder)
    for number in range(3):
        put(first, number)
    list(drain(first))
    first.close()
    path = Path(first.segments[0].path)
    path.write_bytes(path.read_bytes()[:8])
    second = Spool(folder)
    put(second, 9)
    assert times(list(drain(second))) == [[9.0]]
    second.close()
    third = Spool(folder)
    put(third, 10)
    assert times(list(drain(third))) == [[10.0]]
    assert third.dropped == 0


def test_rows_lost_to_damage_are_not_lost_again_when_all_is_sent_again(folder: str) -> None:
    first = Spool(folder, Limits(segment_size=1_000))
    for number in range(30):
        put(first, number)
    damaged = sorted(Path(folder).glob("*.spool"))[1]
    damaged.write_bytes(damaged.read_bytes()[:300])
    second = Spool(folder)
    before = len(list(drain(second)))
    lost = second.dropped
    second.recall()
    assert len(list(drain(second))) == before
    assert second.dropped == lost > 0


def test_columns_that_no_file_names_any_more_are_forgotten(folder: str) -> None:
    """Containers that come and go make a new layout each minute."""
    spool = Spool(folder, Limits(size=20_000, segment_size=2_000))
    for number in range(300):
        put(spool, number, columns=[*COLUMNS, f"c{number}"])
    assert len(spool.layouts) < 150
    assert times(list(drain(spool)))[0] == [299.0]


def test_windows_is_asked_to_write_bytes_as_they_are(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it puts a byte before each that looks like the end of a line, and a record in thirty is damaged."""
    bit, plain = 1 << 29, os.open
    asked: list[int] = []

    def opened(path: str, flags: int, *more: int) -> int:
        asked.append(flags)
        return plain(path, flags & ~bit, *more)

    monkeypatch.setattr(os, "O_BINARY", bit, raising=False)
    monkeypatch.setattr(os, "open", opened)
    put(Spool(folder), 1)
    assert asked
    assert all(flags & bit for flags in asked)
