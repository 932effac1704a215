"""The program as it runs: enrolled, run, killed, stopped, by its command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchkeeper_agent.__main__ import main
from watchkeeper_agent.collectors import Collectors
from watchkeeper_agent.config import load
from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.loop import Loop, next_tick, phase

from tests.agent.hub import TinyHub, accept
from tests.product import room

AGENT = Path(__file__).parents[2] / "agent"
Start = Callable[..., "subprocess.Popen[str]"]


def words(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "watchkeeper_agent", *arguments]


def environment(**more: str) -> dict[str, str]:
    return more | {"PATH": os.environ["PATH"], "PYTHONPATH": str(AGENT)}


def call(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(*arguments), env=environment(**more), capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            words(*arguments), env=environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.05)


def enrolled(hub: TinyHub, tmp_path: Path) -> str:
    config = str(tmp_path / "agent.json")
    done = call("enrol", "--url", hub.url, "--token", "wke_a.b", "--config", config, "--name", "web-1")
    assert done.returncode == 0, done.stderr
    return config


def test_enrolling_keeps_the_key_for_the_owner_alone(tmp_path: Path) -> None:
    with TinyHub() as hub:
        config = Path(enrolled(hub, tmp_path))
        enrolled(hub, tmp_path)
    assert config.stat().st_mode & 0o777 == 0o600
    kept = json.loads(config.read_text())
    assert (kept["url"], kept["server"], kept["key"]) == (hub.url, "a-server", "wka_id.secret")
    assert "spool" not in kept, "a copy of the folder has its own"
    (_, first), (_, second) = hub.posts
    assert first["hostname"] == "web-1"
    assert first["token"] == "wke_a.b"
    assert first["fingerprint"] == second["fingerprint"]
    assert all(isinstance(section, dict) for section in first["facts"].values())


def test_a_refused_token_ends_with_one_sentence(tmp_path: Path) -> None:
    detail = "This token has expired."
    with TinyHub(lambda *_: (401, {}, {"error": "bad_token", "detail": detail})) as hub:
        done = call("enrol", "--url", hub.url, "--token", "wke_a.b", "--config", str(tmp_path / "agent.json"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert detail in done.stderr
    assert not (tmp_path / "agent.json").exists()


def test_the_token_need_not_be_an_argument_that_all_users_see(tmp_path: Path) -> None:
    with TinyHub() as hub:
        asked = ("enrol", "--url", hub.url, "--config", str(tmp_path / "agent.json"))
        missing = call(*asked)
        done = call(*asked, WATCHKEEPER_TOKEN="wke_c.d")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "There is no enrolment token" in missing.stderr
    assert done.returncode == 0, done.stderr
    assert [document["token"] for _, document in hub.posts] == ["wke_c.d"]


def test_it_sends_rows_and_ends_within_two_seconds_of_being_asked(tmp_path: Path, start: Start) -> None:
    with TinyHub() as hub:
        child = start("run", "--config", enrolled(hub, tmp_path))
        until(lambda: len(hub.batches) >= 3)
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        assert time.monotonic() - began <= 2 * room()
    first, *rest = hub.batches
    assert first["facts"]["document"]["host"]["name"]
    assert not all("facts" in batch for batch in rest)  # again for what a slow collector found
    assert all(len(batch["rows"]) == 1 for batch in hub.batches)
    assert len(first["columns"]) == len(first["rows"][0]) - 1
    values = dict(zip(first["columns"], first["rows"][0][1:], strict=True))
    assert 0 <= values["cpu_used_percent"] <= 100
    assert abs(first["rows"][0][0] - time.time()) < 60


def test_a_hub_that_never_answers_does_not_keep_it_from_ending(tmp_path: Path, start: Start) -> None:
    with TinyHub() as hub:
        config = enrolled(hub, tmp_path)
        asked, over = threading.Event(), threading.Event()

        def hang(*_: object) -> tuple[int, dict[str, str], dict[str, str]]:
            asked.set()
            over.wait(30)
            return 503, {}, {}

        hub.script = hang
        child = start("run", "--config", config)
        assert asked.wait(15)
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        assert time.monotonic() - began <= 2 * room()
        over.set()


def test_what_a_killed_agent_had_not_told_its_next_life_tells(tmp_path: Path, start: Start) -> None:
    with TinyHub() as hub:
        config = enrolled(hub, tmp_path)
        hub.script = lambda *_: (503, {"Retry-After": "1"}, {})
        child = start("run", "--config", config)
        until(lambda: len(list((tmp_path / "spool").glob("*.spool"))) and len(hub.batches) >= 2)
        time.sleep(2)
        child.kill()
        child.wait()
        untold = {(batch["boot"], batch["seq"]) for batch in hub.batches}
        hub.script = accept
        hub.posts.clear()
        start("run", "--config", config)
        until(lambda: sum(len(batch["rows"]) for batch in hub.batches) >= 5)
        times = [row[0] for batch in hub.batches for row in batch["rows"]]
        assert untold <= {(batch["boot"], batch["seq"]) for batch in hub.batches}
    assert len(times) == len(set(times))
    assert times[0] == max(times[:2]), "the newest goes first"


def test_a_second_agent_on_the_same_spool_is_refused(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TinyHub() as hub:
        config = enrolled(hub, tmp_path)
        start("run", "--config", config)
        until(lambda: hub.batches)
        monkeypatch.setattr("watchkeeper_agent.lock.LOCK_PATIENCE", 0.1)
        monkeypatch.setattr("watchkeeper_agent.lock._held", [])
        with pytest.raises(Trouble, match="Another agent runs with the spool"):
            Loop(load(config))


def test_it_ends_with_its_parent_when_asked_to(tmp_path: Path, start: Start) -> None:
    with TinyHub() as hub:
        child = start("run", "--config", enrolled(hub, tmp_path), "--with-parent")
        until(lambda: hub.batches)
        assert child.stdin
        child.stdin.close()
        assert child.wait(5) == 0
        child.stdin = None


def test_once_prints_what_would_be_told(tmp_path: Path) -> None:
    config = tmp_path / "agent.json"
    # What asks other programs may take a minute; its own tests ask it.
    off = {"off": ["updates", "restart", "services", "smart"]}
    config.write_text(json.dumps({"url": "http://127.0.0.1:1", "server": "s", "key": "k", "collect": off}))
    document = json.loads(call("once", "--json", "--config", str(config)).stdout)
    assert document["values"]["memory_total_bytes"] > 0
    assert document["facts"]["agent"]["version"]
    text = call("once", "--config", str(config)).stdout
    assert "cpu_used_percent" in text
    assert "not measured, updates: Switched off" in text


def test_once_without_its_file_says_what_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("watchkeeper_agent.collectors.Collectors.sample_all", Collectors.sample)
    monkeypatch.setattr("watchkeeper_agent.__main__.time.sleep", lambda _: None)
    assert main(["once"]) == 0
    assert capsys.readouterr().err == "Text files and own checks are left out: name the agent's file with --config.\n"
    assert main(["once", "--json"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["{", "[]", '{"url": "http://127.0.0.1:1"}'])
def test_a_damaged_config_ends_with_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agent.json"
    path.write_text(text)
    done = call("run", "--config", str(path))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Enrol this machine again" in done.stderr


def test_a_fleet_spreads_over_the_interval() -> None:
    phases = sorted(phase(f"web-{number}") for number in range(1000))
    assert all(abs(found - number / 1000) < 0.06 for number, found in enumerate(phases))


@pytest.mark.parametrize(
    ("now", "expected"), [(100.0, 110.0), (107.4, 110.0), (107.6, 120.0), (109.99, 120.0), (110.0, 120.0)]
)
def test_the_grid_leaves_out_a_point_that_is_too_near(now: float, expected: float) -> None:
    assert next_tick(now, 0.0, 10.0) == expected


def test_where_there_is_no_standard_error_a_file_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows starts it without a window, and so without one."""
    log = tmp_path / "agent.log"
    for before, kept in (("old", True), ("x" * (2 << 20), False)):
        log.write_text(before)
        monkeypatch.setattr(sys, "stderr", None)
        say("test", "This cannot be said.")
        assert main(["run", "--config", str(tmp_path / "agent.json")]) == 1
        assert sys.stderr is not None
        sys.stderr.close()
        assert "Enrol this machine first" in log.read_text()
        assert log.read_text().startswith("old") == kept


def test_an_option_that_is_cut_short_is_refused_and_not_guessed() -> None:
    done = call("once", "--jso")
    assert done.returncode == 2
    assert "unrecognized arguments: --jso" in done.stderr
