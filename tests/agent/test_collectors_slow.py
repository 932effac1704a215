"""Slow collectors never hold up a sample; own text files and checks are told within bounds."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from watchkeeper_agent import errors, facts
from watchkeeper_agent.collectors import Collectors, Options, child, nagios
from watchkeeper_agent.collectors.background import Background, Slow
from watchkeeper_agent.collectors.base import Absent, Kind, registered
from watchkeeper_agent.collectors.textfile import Bad, Textfiles, parse
from watchkeeper_agent.sample import Counters, Sample

from tests.services import not_here


class Steady:
    """One value; facts and an event, too."""

    def __init__(self) -> None:
        self.value = 1
        self.fault: Exception | None = None
        self.facts: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def collect(self, sample: Sample) -> None:
        if self.fault:
            raise self.fault
        sample.put("steady", self.value)


def sample_at(at: float) -> Sample:
    return Sample(at, Counters())


class TestBackground:
    def test_a_sample_does_not_wait_for_a_slow_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        began, free = threading.Event(), threading.Event()

        class Sleeper:
            def collect(self, sample: Sample) -> None:
                began.set()
                free.wait(10)
                sample.put("slept", 1)

        for name in list(registered):
            if registered[name].period:
                monkeypatch.delitem(registered, name)
        monkeypatch.setitem(registered, "sleeper", Kind(Sleeper, 10.0, (), root=False))
        collectors = Collectors()
        collectors.background.slow[0].due = 0.0
        collectors.start()
        try:
            assert began.wait(5)
            before = time.monotonic()
            assert "load1" in collectors.sample().values
            assert time.monotonic() - before < 5, "the other one takes ten seconds"
        finally:
            free.set()
            collectors.stop()
        assert not any(thread.is_alive() for thread in collectors.background.threads)

    def test_values_are_told_while_fresh_and_columns_join_once_a_minute(self) -> None:
        one = Steady()
        slow = Slow("steady", one, 60.0, 0.0)
        background = Background([slow], 0.0)
        slow.due = 1.0
        background.step(1.0)
        early, later = sample_at(5.0), sample_at(25.0)
        background.put(early)
        background.put(later)
        assert early.values == {}
        assert later.values == {"steady": 1}
        stale, gone = sample_at(300.0), sample_at(301.0)
        background.next_columns = 301.0
        background.put(stale)
        background.put(gone)
        assert (stale.values, gone.values) == ({"steady": None}, {})

    def test_a_failing_one_rests_longer_each_time_is_named_once_and_comes_back(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        errors._said.clear()
        one = Steady()
        one.fault = ValueError("odd")
        slow = Slow("steady", one, 10.0, 0.0)
        for at in (100.0, 120.0, 170.0, 200.0):
            slow.look(at)
        assert slow.failures == 2, "it rests a minute, then two"
        assert slow.reason == "Failed: ValueError: odd"
        one.fault = None
        slow.look(400.0)
        assert (slow.failures, slow.reason, slow.values) == (0, "", {"steady": 1})
        assert capsys.readouterr().err.count("steady failed") == 1

    def test_what_is_absent_is_no_failure(self) -> None:
        one = Steady()
        one.fault = Absent("There is none.")
        slow = Slow("steady", one, 10.0, 0.0)
        slow.look(100.0)
        assert (slow.failures, slow.reason) == (0, "There is none.")

    def test_facts_and_events_are_handed_over_once(self) -> None:
        one = Steady()
        slow = Slow("steady", one, 10.0, 0.0)
        slow.due = 0.0
        background = Background([slow], 0.0)
        one.facts, one.events = {"a": {"b": 1}}, [{"kind": "x"}]
        background.step(50.0)
        assert (background.news, background.facts(), background.events()) == (1, {"a": {"b": 1}}, [{"kind": "x"}])
        background.step(100.0)
        assert (background.news, background.events()) == (1, [])

    def test_a_restart_neither_forgets_nor_tells_anew(self, tmp_path: Path) -> None:
        memory = str(tmp_path / "collected.json")

        def begin(one: Steady) -> Background:
            slow = Slow("steady", one, 10.0, 0.0)
            slow.due = 0.0
            background = Background([slow], 0.0, memory)
            background.threads.append(threading.Thread())  # as started
            return background

        one = Steady()
        one.facts = {"users": {"root": "uid 0"}}
        begin(one).step(1.0)
        again = begin(one)
        assert again.facts() == {"users": {"root": "uid 0"}}
        again.step(1.0)
        assert again.news == 0
        mute = Steady()
        mute.fault = Absent("Its lists cannot be read.")
        later = begin(mute)
        later.step(1.0)
        assert later.facts() == {"users": {"root": "uid 0"}}, "not seen is not gone"
        mute.fault = Absent("")
        later.step(100.0)
        assert later.facts() == {"users": {}}, "gone is told as empty"
        Path(memory).write_text("{torn")
        assert begin(one).facts() == {}


def test_the_owner_may_switch_a_collector_off_and_reads_why_others_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registered, "elsewhere", Kind(Steady, 0, ("plan9",), root=False))
    monkeypatch.setitem(registered, "grave", Kind(Steady, 0, (), root=True))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    collectors = Collectors(options=Options.of({"off": ["load"]}, "/nowhere"))
    values = collectors.sample().values
    assert "load1" not in values
    assert "steady" not in values
    off = collectors.off()
    assert off["load"] == "Switched off in the agent's file."
    assert off["grave"].startswith("Needs root")
    assert "elsewhere" not in off
    news = collectors.news
    assert "collectors" not in facts.gather(collectors), "what is not asked yet would be told as another state soon"
    for slow in collectors.background.slow:
        slow.fresh_until = 1.0  # asked
    assert collectors.news > news
    told = str(facts.gather(collectors)["collectors"]["unseen"])
    assert told.startswith("Not seen on this machine: ")
    assert "load (Switched off in the agent's file)" in told
    assert told.endswith(". Nothing is to be done, unless you miss one of them.")
    assert ".;" not in told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("jobs 3", ("jobs", {}, 3.0)),
        ('jobs{a="1", b="x\\"y\\\\z\\n"} 1.5e3 1795219340000', ("jobs", {"a": "1", "b": 'x"y\\z\n'}, 1500.0)),
        ('jobs{a="1",} -2', ("jobs", {"a": "1"}, -2.0)),
    ],
)
def test_lines_of_prometheus_text(line: str, expected: tuple[str, dict[str, str], float]) -> None:
    assert parse(line) == expected


@pytest.mark.parametrize(
    "line",
    ["jobs", "1jobs 3", "jobs NaN", "jobs +Inf", "jobs 1_000", "jobs{a=1} 3", 'jobs{a="1" 3', 'jobs{a="1",a="2"} 3',
     'jobs{a="' + "x" * 300 + '"} 1', "jobs 1 2 3", 'jobs{a="\\q"} 1'],
)  # fmt: skip
def test_bad_lines_are_refused_with_a_reason(line: str) -> None:
    with pytest.raises(Bad):
        parse(line)


class TestTextfiles:
    def look(self, folder: Path, stale: float = 3600.0) -> tuple[dict[str, Any], str]:
        one = Textfiles()
        one.configure(Options.of({"textfiles": str(folder), "stale": stale}, "/nowhere"))
        sample = sample_at(1.0)
        one.collect(sample)
        return sample.values, one.trouble

    def test_good_lines_are_told_and_bad_ones_named(self, tmp_path: Path) -> None:
        (tmp_path / "backup.prom").write_text("# HELP x y\nbackup_bytes 12\nbroken line here now\nbackup_bytes 13\n")
        (tmp_path / "other.prom").write_text('queue{name="mail"} 0.25\n')
        (tmp_path / "note.txt").write_text("ignored 1\n")
        values, trouble = self.look(tmp_path)
        assert values == {"backup_bytes": 12, 'queue{name="mail"}': 0.25}
        assert "backup.prom line 3 is not" in trouble
        assert "backup.prom line 4 stands twice" in trouble

    def test_stale_huge_binary_and_unreadable_ones_are_left_out(self, tmp_path: Path) -> None:
        for name in ("old", "new"):
            (tmp_path / f"{name}.prom").write_text(f"{name} 1\n")
        os.utime(tmp_path / "old.prom", (1, 1))
        (tmp_path / "huge.prom").write_text("x 1\n" * 100_000)
        (tmp_path / "binary.prom").write_bytes(b"\xff\xfe 1\n")
        (tmp_path / "folder.prom").mkdir()
        values, trouble = self.look(tmp_path)
        assert values == {"new": 1}
        assert "binary.prom cannot be read" in trouble

    def test_too_many_series_are_bounded(self, tmp_path: Path) -> None:
        (tmp_path / "many.prom").write_text("".join(f"n{number} 1\n" for number in range(1500)))
        values, trouble = self.look(tmp_path)
        assert len(values) == 1000
        assert "beyond 1000 series" in trouble

    def test_a_folder_that_is_gone_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(Absent, match="cannot be read"):
            self.look(tmp_path / "gone")


def script(path: Path, text: str, mode: int = 0o755) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "OK | time=0.25s;1;2;0 size=2KB",
            [("check_value_seconds", "time", 0.25), ("check_value_bytes", "size", 2048)],
        ),
        (
            "DISK OK - free | /=26%;50;70\nlong text\nmore | 'a b'=12ms\nn=3",
            [("check_value_percent", "/", 26), ("check_value_seconds", "a b", 0.012), ("check_value", "n", 3)],
        ),
        ("OK | c=12c bad=U x", [("check_value_total", "c", 12)]),
        ("OK", []),
    ],
)
def test_figures_of_plugins(output: str, expected: list[tuple[str, str, float]]) -> None:
    assert nagios.figures(output) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
class TestChecks:
    def collectors(self, tmp_path: Path, **collect: Any) -> Collectors:
        options = Options.of({"checks_folder": str(tmp_path), "check_user": "root", **collect}, "/nowhere")
        return Collectors(["checks"], options=options)

    def test_exit_states_become_series_and_changes_events(self, tmp_path: Path) -> None:
        script(tmp_path / "good.sh", "echo 'OK fine | a=1s'")
        script(tmp_path / "warn.sh", "echo 'hm'; exit 1")
        script(tmp_path / "bad", "echo 'PROBLEM: it is broken | x=1'; exit 2")
        script(tmp_path / "odd", "exit 77")
        collectors = self.collectors(tmp_path)
        values = collectors.sample_all().values
        up = {name: values[f'check_up{{check="{name}"}}'] for name in ("good", "warn", "bad", "odd")}
        assert up == {"good": 1, "warn": 1, "bad": 0, "odd": 0}
        assert values['check_state{check="odd"}'] == 3
        assert values['check_value_seconds{check="good",figure="a"}'] == 1
        texts = [event["text"] for event in collectors.events()]
        assert "Check bad is critical: PROBLEM: it is broken" in texts
        assert len(texts) == 3, "a good one has nothing to say at the start"
        assert set(collectors.facts()["checks"]) == {"good", "warn", "bad", "odd"}

    def test_one_that_hangs_or_shouts_is_ended_with_its_children(self, tmp_path: Path) -> None:
        script(tmp_path / "hangs", f"sleep 60 & echo $! > {tmp_path}/.pid; wait")
        checks = {
            "hangs": {"command": [str(tmp_path / "hangs")], "timeout": 1},
            "shouts": {"command": ["/bin/sh", "-c", "yes"]},
        }
        began = time.monotonic()
        values = self.collectors(tmp_path / "none", checks=checks).sample_all().values
        assert time.monotonic() - began < 6
        assert (values['check_up{check="hangs"}'], values['check_state{check="shouts"}']) == (0, 2)
        deadline = time.monotonic() + 5
        child_id = (tmp_path / ".pid").read_text().strip()
        while Path(f"/proc/{child_id}").exists() and "Z" not in Path(f"/proc/{child_id}/stat").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def test_files_others_may_change_are_not_run(self, tmp_path: Path) -> None:
        script(tmp_path / "open", "echo no", 0o777)
        collectors = self.collectors(tmp_path)
        assert collectors.sample_all().values == {}
        assert "open is not run" in collectors.off()["checks"]

    def test_a_check_of_the_file_needs_a_list(self, tmp_path: Path) -> None:
        collectors = self.collectors(tmp_path, checks={"one": {"command": "rm -rf x"}, "two": 3})
        collectors.sample_all()
        assert 'Check one needs "command"' in collectors.off()["checks"]

    def test_root_runs_checks_as_nobody(self, tmp_path: Path) -> None:
        if os.geteuid() != 0:
            not_here("only root can become another")
        collect = {"checks": {"who": {"command": ["/bin/sh", "-c", "test $(id -u) != 0"]}}}
        collectors = Collectors(["checks"], options=Options.of(collect, "/nowhere"))
        assert collectors.sample_all().values['check_up{check="who"}'] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="posix")
def test_a_child_is_nice_speaks_plainly_and_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHKEEPER_TOKEN", "wke_secret")
    ended = child.run(["/bin/sh", "-c", "sleep 0.05; nice; echo $LC_ALL $WATCHKEEPER_TOKEN; exit 5"])
    assert (ended.code, ended.text) == (5, "19\nC\n")
    with pytest.raises(Absent, match="cannot be run"):
        child.run(["/no/such/program"])


@pytest.mark.skipif(sys.platform == "win32", reason="posix")
def test_nothing_that_was_started_outlives_the_agent(tmp_path: Path) -> None:
    checks = {"slow": {"command": ["/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"], "timeout": 60}}
    options = Options.of({"checks": checks, "check_user": "root"}, "/nowhere")
    collectors = Collectors(["checks"], options=options)
    collectors.background.slow[0].due = 0.0
    collectors.start()
    mark = tmp_path / "pid"
    deadline = time.monotonic() + 5
    while not (mark.exists() and mark.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    collectors.stop(within=5.0)
    assert not Path(f"/proc/{mark.read_text().strip()}").exists()
    assert not any(thread.is_alive() for thread in collectors.background.threads)


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
def test_folders_made_while_it_runs_are_used_and_cost_no_thread_before(tmp_path: Path) -> None:
    options = Options.of({"check_user": "root"}, str(tmp_path))
    collectors = Collectors(["checks", "textfiles"], options=options)
    background, now = collectors.background, time.monotonic()
    collectors.start()
    try:
        collectors.sample(now)
        assert (background.threads, collectors.off()) == ([], {}), "nobody asked for them"
        for name in ("checks", "textfiles"):
            (tmp_path / name).mkdir(mode=0o755)
        script(tmp_path / "checks" / "good.sh", "echo OK")
        (tmp_path / "textfiles" / "own.prom").write_text("own_value 7\n")
        for slow in background.slow:
            slow.due = now
        end = now + 10
        while not all(slow.values for slow in background.slow):
            assert time.monotonic() < end
            collectors.sample(now + 6)
            time.sleep(0.02)
        values = collectors.sample(now + 25).values
        assert (values["own_value"], values['check_up{check="good"}']) == (7, 1)
        assert len(background.threads) == 2
    finally:
        collectors.stop()


def test_what_was_known_of_a_folder_that_is_gone_by_the_next_start_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "collected.json").write_text('{"checks": [{"checks": {"old": "/old"}}, ""]}')
    collectors = Collectors(["checks"], options=Options.of({}, str(tmp_path)))
    assert collectors.facts() == {"checks": {"old": "/old"}}
    collectors.sample_all()
    assert collectors.facts() == {"checks": {}}, "told as empty: a section that is missing was not looked at"
    news = collectors.news
    collectors.sample_all()
    assert collectors.news == news, "told once"
