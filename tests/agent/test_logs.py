"""Counting in logs: what a line may not do to us, every kind of rotation, restarts, bursts, and the journal."""

from __future__ import annotations

import glob
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from watchkeeper_agent.collectors import journal, logs
from watchkeeper_agent.collectors.base import Absent
from watchkeeper_agent.collectors.child import Ended
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.collectors.patterns import BadPattern, Pattern, Text
from watchkeeper_agent.collectors.tail import Tail
from watchkeeper_agent.sample import Counters, Sample

from tests.product import slow

MIB = 1 << 20


@pytest.fixture
def no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "which", lambda _: None)


class Reader:
    """A tail and the lines it gave."""

    def __init__(self, path: Path, known: Any = None, *, budget: int = 8 * MIB) -> None:
        self.path, self.budget = path, budget
        self.tail = Tail(str(path), known)

    def new(self) -> list[bytes]:
        got: list[bytes] = []
        self.tail.read(self.budget, got.append)
        return [line for lines in got for line in lines.splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("old\n")
    return path


def add(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("text", "line", "stands"),
    [
        ("error", "An ERROR came", True),
        ("error", "all is well", False),
        ("failed*for", "Failed password for root", True),
        ("failed*for", "for once it failed", False),
        ('" 5## ', '"GET / HTTP/1.1" 503 12', True),
        ('" 5## ', '"GET / HTTP/1.1" 404 512', False),
        ("a.b(c", "x a.b(c y", True),
        ("a.b", "axb", False),
        ("æøå", "vi har æøå her", True),
    ],
)  # fmt: skip
def test_a_text_is_found_by_its_parts_in_order(text: str, line: str, stands: bool) -> None:
    lines = f"first\n{line}\nlast".encode().lower()
    assert Pattern("p", {"texts": [text]}).in_lines(lines) == int(stands)
    assert Text(text).stands_in(line.encode().lower()) is stands


@pytest.mark.parametrize(
    "wanted",
    [
        "error", {}, {"texts": []}, {"texts": "error"}, {"texts": ["*"]}, {"texts": ["a*b"]}, {"texts": ["##"]},
        {"texts": ["x" * 201]}, {"texts": ["two\nlines"]}, {"texts": ["ok"] * 21}, {"texts": [7]},
        {"texts": ["ok"], "files": "/var/log"}, {"texts": ["ok"], "level": 9}, {"level": 3},
    ],
)  # fmt: skip
def test_a_bad_pattern_is_refused_in_a_sentence(wanted: Any) -> None:
    with pytest.raises(BadPattern, match=r"^(is|has) "):
        Pattern("p", wanted)


def test_a_line_counts_once_whatever_matches_in_it() -> None:
    one = Pattern("p", {"texts": ["error", "fatal", "panic*now"]})
    assert one.in_lines(b"fatal error error\nok\npanic, now\nerror") == 3


def test_no_line_is_slow() -> None:
    """What hangs a regular expression: many stars, many near matches, one endless line, every line a match."""
    one = Pattern("p", {"texts": ["aa*" * 40 + "b", "ab#" * 60 + "b", "*".join(["aaa"] * 40) + "*c", '" 5## ']})
    piece = 256 << 10
    parts = (b"a", b"ab1", b"aaa", b'" 5', b"aaa\n", b"ab1" * 2700 + b"\n", b'" 555 \n')
    bad = [(part * (piece // len(part) + 1))[:piece] for part in parts]
    bad.append(random.Random(1).randbytes(piece))
    for lines in bad:
        began = time.process_time()
        one.in_lines(lines)
        assert time.process_time() - began < 2 * slow(), lines[:20]


def test_only_what_is_new_and_whole_is_handed_over(log: Path) -> None:
    one = Reader(log)
    assert one.new() == []
    add(log, "a\nb\nhalf")
    assert one.new() == [b"a", b"b"]
    assert one.new() == []
    add(log, " a line\n")
    assert one.new() == [b"half a line"]


def test_a_look_that_begins_within_a_line_leaves_its_end_out(log: Path) -> None:
    add(log, "half")
    one = Reader(log)
    assert one.new() == []
    add(log, " of it\nwhole\n")
    assert one.new() == [b"whole"]


def renamed(log: Path) -> None:
    log.rename(log.with_name("app.log.1"))
    log.write_text("after\n")


def dated(log: Path) -> None:
    log.rename(log.with_name("app.log-20261121"))
    log.write_text("after\n")


@pytest.mark.parametrize("rotate", [renamed, dated])
def test_a_log_that_is_renamed_is_read_to_its_end_and_the_new_one_from_its_beginning(
    log: Path, rotate: Callable[[Path], None]
) -> None:
    one = Reader(log)
    one.new()
    add(log, "before\nno end")
    rotate(log)
    assert one.new() == [b"before", b"no end", b"after"]


@pytest.mark.parametrize("text", ["after\n", "after, and longer than all that was there before it was emptied\n"])
def test_a_log_that_is_emptied_in_place_is_read_from_its_beginning(log: Path, text: str) -> None:
    add(log, "before\n")
    one = Reader(log)
    one.new()
    with log.open("r+b") as file:
        file.truncate()
        file.write(text.encode())
    assert one.new() == [text.strip().encode()]


def test_it_goes_on_after_a_restart_where_it_was(log: Path) -> None:
    one = Reader(log)
    one.new()
    add(log, "while away\n")
    renamed(log)
    assert Reader(log, one.tail.known()).new() == [b"while away", b"after"]


def test_a_burst_of_a_gigabyte_takes_little_and_is_told(log: Path) -> None:
    one = Reader(log)
    one.new()
    with log.open("ab") as file:
        file.write(b"line\n" * MIB)
        file.truncate(1 << 30)  # a hole: no disk is filled for this
    began = time.process_time()
    got = one.new()
    assert time.process_time() - began < 3 * slow()
    assert 4 * MIB <= sum(map(len, got)) <= 9 * MIB
    assert one.tail.skipped > 1000 * MIB
    add(log, b"\nnext\n")
    assert one.new()[-1] == b"next"


def test_a_look_ends_by_the_clock_too(log: Path) -> None:
    one = Reader(log)
    one.new()
    add(log, b"line\n" * MIB)
    one.tail.read(8 * MIB, lambda _: None, time.monotonic() - 1)
    assert one.tail.skipped == 5 * MIB


def test_binary_junk_is_cut_into_bounded_pieces(log: Path) -> None:
    one = Reader(log)
    one.new()
    add(log, bytes(MIB) + b"\nerror\n")
    assert one.new()[-1] == b"error"


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_plain_file_is_named_and_holds_nothing_up(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/zero")
    with pytest.raises(OSError, match=r"plain file|directory"):
        Reader(path).new()


def made(tmp_path: Path, **patterns: Any) -> logs.Logs:
    options = Options.of(
        {"logs": {"errors": None, "http_5xx": None, "failed_logins": None, **patterns}}, str(tmp_path)
    )
    one = logs.Logs()
    one.configure(options)
    return one


def told(one: logs.Logs) -> dict[str, Any]:
    sample = Sample(time.monotonic(), Counters())
    one.collect(sample)
    return dict(sample.values)


@pytest.mark.usefixtures("no_journal")
def test_matches_are_told_as_a_rate_from_the_second_look_on(tmp_path: Path, log: Path) -> None:
    one = made(tmp_path, app={"texts": ["error"], "files": [f"{tmp_path}/*.log"]})
    assert told(one) == {}
    add(log, "error 1\nfine\nerror 2\n")
    (tmp_path / "new.log").write_text("error 3\n")  # made while we look: all of it is new
    assert one.looked is not None
    one.looked -= 10
    values = told(one)
    assert values['log_matches_per_second{pattern="app"}'] == pytest.approx(0.3, rel=0.1)
    assert values["log_skipped_bytes_per_second"] == 0


@pytest.mark.usefixtures("no_journal")
def test_after_a_restart_what_came_meanwhile_counts_over_that_time(tmp_path: Path, log: Path) -> None:
    wanted = {"texts": ["error"], "files": [str(log)]}
    told(made(tmp_path, app=wanted))
    memory = tmp_path / "logs.json"
    known = json.loads(memory.read_text())
    memory.write_text(json.dumps({**known, "at": known["at"] - 100}))
    add(log, "error\n" * 50)
    assert told(made(tmp_path, app=wanted))['log_matches_per_second{pattern="app"}'] == pytest.approx(0.5, rel=0.1)
    memory.write_text('{"at": "yesterday"')
    assert told(made(tmp_path, app=wanted)) == {}


@pytest.mark.usefixtures("no_journal")
def test_what_cannot_be_read_is_said_and_the_others_go_on(tmp_path: Path, log: Path) -> None:
    (tmp_path / "folder").mkdir()
    files = [str(log), f"{tmp_path}/folder", f"{tmp_path}/none"]
    one = made(tmp_path, app={"texts": ["error"], "files": files}, bad={"texts": ["*"]})
    told(one)
    add(log, "error\n")
    assert told(one)['log_matches_per_second{pattern="app"}'] > 0
    for part in ("bad has '*'", "folder cannot be read (it is no plain file)", "none is not there"):
        assert part in one.trouble
    log.unlink()
    assert told(one)['log_matches_per_second{pattern="app"}'] == 0


@pytest.mark.usefixtures("no_journal")
def test_where_there_is_no_log_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        told(made(tmp_path, app={"texts": ["error"], "files": [f"{tmp_path}/*.log"]}))
    with pytest.raises(Absent):
        made(tmp_path)


class Written:
    """A journal as journalctl tells it."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.code: int | None = 0

    def run(self, argv: list[str], **_: Any) -> Ended:
        after = next((word.partition("=")[2] for word in argv if word.startswith("--after-cursor")), None)
        if after == "gone":
            return Ended(1, "", 0.0)
        found = self.entries[-1:] if "--lines=1" in argv else self.entries[int(after or 0) :]
        return Ended(self.code, "".join(json.dumps(one) + "\n" for one in found), 0.0)

    def add(self, message: Any, level: str = "6") -> None:
        self.entries.append({"__CURSOR": str(len(self.entries) + 1), "MESSAGE": message, "PRIORITY": level})


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    found = Written()
    monkeypatch.setattr(journal, "usable", lambda: "/usr/bin/journalctl")
    monkeypatch.setattr(journal, "run", found.run)
    found.add("before we came", "0")
    return found


def test_the_journal_is_read_from_the_present_on_by_level_and_text(tmp_path: Path, written: Written) -> None:
    syslog = logs.DEFAULTS["failed_logins"]
    one = made(tmp_path, errors=logs.DEFAULTS["errors"], failed_logins=syslog)
    told(one)
    written.add("Failed password for root from 203.0.113.5 port 22 ssh2")
    written.add("disk is on fire", "2")
    written.add([69, 255, 0], "3")
    written.add(None, "7")  # longer than journalctl shows
    assert one.looked is not None
    one.looked -= 10
    values = told(one)
    assert values['log_matches_per_second{pattern="errors"}'] == pytest.approx(0.2, rel=0.1)
    assert values['log_matches_per_second{pattern="failed_logins"}'] == pytest.approx(0.1, rel=0.1)
    assert json.loads((tmp_path / "logs.json").read_text())["journal"] == "1"


def test_a_journal_that_is_faster_than_we_are_is_left_behind_and_said(written: Written) -> None:
    one = journal.Journal()
    one.read()
    written.code = None  # its output was over the limit
    for _ in range(journal.PATIENCE):
        assert one.trouble == ""
        written.add("a")
        written.add("b")
        assert [entry[0] for entry in one.read()] == [b"a", b"b"]
    assert "not counted" in one.trouble


def test_a_journal_that_is_gone_begins_anew(written: Written) -> None:
    one = journal.Journal("gone")
    assert one.read() == []
    assert one.read() == []
    written.add("new")
    assert [message for message, _ in one.read()] == [b"new"]


def test_a_journal_that_shows_us_nothing_is_not_taken_for_a_calm_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "which", lambda _: "/usr/bin/journalctl")
    monkeypatch.setattr(glob, "glob", lambda _: ["/var/log/journal/1/system.journal"])
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Absent, match="systemd-journal"):
        journal.usable()
