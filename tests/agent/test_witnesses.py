"""What the agent leaves on its own machine: a metric log, a status, and mail while the hub is away."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from watchkeeper_agent.config import Config
from watchkeeper_agent.errors import Trouble
from watchkeeper_agent.mail import Limit, Mailer
from watchkeeper_agent.status import status
from watchkeeper_agent.witnesses import MetricLog, Status, witnesses

from tests.agent.hub import TinyHub, accept
from tests.agent.test_program import Start, call, enrolled, start, until
from tests.sinks import MailSink

__all__ = ["start"]


def loop(away_since: float | None = None) -> Any:
    courier = SimpleNamespace(away_since=away_since, trouble="Nobody answers.")
    return SimpleNamespace(courier=courier, spool=SimpleNamespace(waiting=lambda: 7))


def test_the_metric_log_is_lines_of_json_in_files_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    log = MetricLog({"path": str(path), "max_bytes": 300, "files": 3}, str(tmp_path))
    for at in range(100):
        log.look(loop(), float(at), {"cpu_used_percent": 12.5, "load1": None})
    files = [path, tmp_path / "m.jsonl.1", tmp_path / "m.jsonl.2"]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 300 for file in files)
    rows = [json.loads(line) for file in reversed(files) for line in file.read_text().splitlines()]
    assert [row["t"] for row in rows] == [float(at) for at in range(100 - len(rows), 100)]
    assert rows[0]["m"] == {"cpu_used_percent": 12.5, "load1": None}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_the_metric_log_is_closed_before_it_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows moves no file that is open, so the log would end for good where it was to be turned."""
    path, moved = tmp_path / "m.jsonl", os.replace

    def as_windows(old: str, new: str) -> None:
        assert str(old) not in {one.path for one in psutil.Process().open_files()}
        moved(old, new)

    monkeypatch.setattr(os, "replace", as_windows)
    log = MetricLog({"path": str(path), "max_bytes": 30, "files": 2}, str(tmp_path))
    for at in range(3):
        log.look(loop(), float(at), {"load1": 1.0})
    assert [path.read_text()[5:8], (tmp_path / "m.jsonl.1").read_text()[5:8]] == ["2.0", "1.0"]


def test_a_metric_log_that_cannot_be_written_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = MetricLog({"path": str(tmp_path / "no" / "where")}, str(tmp_path))
    for at in range(3):
        log.look(loop(), float(at), {"load1": 1.0})
    assert capsys.readouterr().err.count("cannot be written") == 1


@pytest.mark.parametrize(
    ("options", "values", "said"),
    [
        ({"above": 90, "recover": 80}, [85, 95, 96, 85, 79, 95], [0, 1, 0, 0, 1, 1]),
        ({"below": 10, "recover": 20}, [15, 5, 15, 25], [0, 1, 0, 1]),
        ({"above": 90}, [90, 91, 90], [0, 1, 1]),
        ({"above": 90, "for": 2}, [91, 91, 91, 91, 50], [0, 0, 1, 0, 1]),
    ],
)
def test_a_limit_speaks_once_a_change(options: dict[str, Any], values: list[float], said: list[int]) -> None:
    limit = Limit({"series": "disk_used_percent{*}", **options})
    name = 'disk_used_percent{mount="/"}'
    assert [len(limit.judge(float(at), {name: value})) for at, value in enumerate(values)] == said


def mailed(sink: MailSink, **more: Any) -> Mailer:
    options = {"url": sink.url, "from": "agent@example.org", "to": ["ops@example.org"], "after": 60, **more}
    return Mailer(options, "https://hub")


def test_one_mail_when_the_hub_goes_one_a_change_and_one_when_it_is_back() -> None:
    hot: dict[str, Any] = {"cpu_used_percent": 99.0}
    cool: dict[str, Any] = {"cpu_used_percent": 5.0}
    with MailSink() as sink:
        mailer = mailed(sink, limits=[{"series": "cpu_used_percent", "above": 95}])
        gone = time.monotonic() - 59
        mailer.look(loop(gone), 0.0, hot)  # the hub sees this itself, until it is away for long
        mailer.look(loop(gone - 2), 0.0, hot)
        until(lambda: len(sink.messages) == 1)
        mailer.look(loop(gone - 4), 0.0, cool)
        until(lambda: len(sink.messages) == 2)
        mailer.look(loop(gone - 6), 0.0, cool)
        mailer.look(loop(), 0.0, hot)
        until(lambda: len(sink.messages) == 3)
        mailer.look(loop(), 0.0, cool)
        time.sleep(0.1)
        subjects = [str(message["Subject"]).partition("] ")[2] for message in sink.messages]
        texts = [str(message.get_content()) for message in sink.messages]
    assert subjects == ["The hub is away", "cpu_used_percent is 5.0 again.", "The hub answers again"]
    assert "cpu_used_percent is 99.0, above 95." in texts[0]
    assert "7 rows are kept here" in texts[0]
    assert sink.recipients == [["ops@example.org"]] * 3


def test_mail_that_is_refused_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("watchkeeper_agent.mail.PAUSES", (0.0, 0.05))
    with MailSink(refuse=True) as sink:
        mailer = mailed(sink, after=0)
        mailer.look(loop(time.monotonic() - 1), 0.0, {})
        until(lambda: "Mail could not be sent" in capsys.readouterr().err)
        assert not sink.messages
        sink.refuse = False
        until(lambda: len(sink.messages) == 1)
        until(lambda: mailer.thread is None)


def test_a_password_is_not_told_to_a_server_without_encryption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("watchkeeper_agent.mail.PAUSES", (0.0, 60.0))
    with MailSink() as sink:
        mailer = mailed(sink, url=sink.url.replace("//", "//me:hunter2@"), after=0)
        mailer.look(loop(time.monotonic() - 1), 0.0, {})
        time.sleep(0.5)
        said = capsys.readouterr().err
    assert not sink.messages
    assert "no encryption" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "options",
    [{}, {"url": "smtp://h"}, {"url": "http://h", "to": "a@b"}, {"url": "smtp://h", "to": "a@b", "limits": [{}]}],
)
def test_a_wrong_mail_part_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(Trouble):
        Mailer(options, "https://hub")


@pytest.mark.parametrize(
    "part",
    [
        {"metric_log": {"files": "four"}},
        {"mail": {"url": "smtp://h", "to": "a@b", "after": "soon"}},
        {"mail": {"url": "smtp://h", "to": 7}},
    ],
)
def test_a_wrong_part_of_the_config_is_named_and_the_agent_goes_on(
    part: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config(str(tmp_path / "agent.json"), {"url": "http://h", "server": "s", "key": "k", **part})
    assert len(witnesses(config)) == 1
    assert "is not understood" in capsys.readouterr().err


def test_status_says_in_sentences_how_it_is(tmp_path: Path, start: Start) -> None:
    with TinyHub() as hub:
        hub.files["/healthz"] = b"{}"
        config = enrolled(hub, tmp_path)
        document = json.loads(Path(config).read_text())
        document |= {"collect": {"off": ["temperature"]}, "metric_log": {"files": 2}}
        Path(config).write_text(json.dumps(document))
        stopped = call("status", "--config", config)
        assert stopped.returncode == 1
        assert "The agent does not run." in stopped.stdout
        start("run", "--config", config)
        known = tmp_path / "spool" / "status"
        until(lambda: known.exists() and len(hub.batches) >= 2)
        runs = call("status", "--config", config)
    assert runs.returncode == 0, runs.stdout
    assert "answers in" in runs.stdout
    assert "Nothing waits to be sent" in runs.stdout or "rows wait to be sent" in runs.stdout
    assert "Not measured, temperature: Switched off" in runs.stdout
    away = call("status", "--config", config)
    assert away.returncode == 1
    assert "The hub is not reached: Nobody answers" in away.stdout
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["m"]["memory_total_bytes"] > 0


def test_each_change_that_matters_is_in_the_state_with_its_age(tmp_path: Path) -> None:
    with TinyHub() as hub:
        hub.files["/healthz"] = b"{}"
        config = Config(enrolled(hub, tmp_path), {"url": hub.url, "server": "s", "key": "k"})
        (tmp_path / "spool").mkdir(exist_ok=True)
        courier = SimpleNamespace(trouble="", acked_at=None, interval=10.0)
        waits = SimpleNamespace(now=1)
        spool = SimpleNamespace(writer=1, held=[], dropped=0, samples=0, waiting=lambda: waits.now, size=lambda: 2048)
        watched: Any = SimpleNamespace(courier=courier, spool=spool, collectors=SimpleNamespace(off=dict))
        one = Status(config)

        def told(rows: int, ago: float = 0.0, **change: Any) -> str:
            waits.now = rows
            vars(courier).update(change)
            one.look(watched, time.time() - ago, {})
            return "\n".join(status(config)[1])

        assert "1 row waits to be sent; the" in told(1)
        first = told(1, 12.0, acked_at=time.time() - 22)
        assert "As of 12 s ago: The hub acknowledged the last report 10 s before." in first
        assert "As of 12 s ago: Nothing waits to be sent" in first
        written = (tmp_path / "spool" / "status").stat().st_ino
        told(1)
        assert (tmp_path / "spool" / "status").stat().st_ino == written, "nothing changed that matters"
        away = told(9, trouble="Nobody answers.")
        assert "As of 0 s ago: Reports do not arrive: Nobody answers." in away
        assert "9 rows wait to be sent" in away
        assert "10 rows wait" in told(10)
        assert "As of 3 min ago: Nothing waits to be sent" in told(1, 200.0, trouble="")


def test_the_agent_itself_mails_while_its_hub_is_away(tmp_path: Path, start: Start) -> None:
    with MailSink() as sink, TinyHub() as hub:
        config = enrolled(hub, tmp_path)
        document = json.loads(Path(config).read_text())
        document["mail"] = {"url": sink.url, "to": "ops@example.org", "after": 1}
        Path(config).write_text(json.dumps(document))
        start("run", "--config", config)
        until(lambda: hub.batches)
        hub.script = lambda *_: (503, {"Retry-After": "1"}, {})
        until(lambda: len(sink.messages) == 1)
        hub.script = accept
        until(lambda: len(sink.messages) == 2)
    subjects = [str(message["Subject"]).partition("] ")[2] for message in sink.messages]
    assert subjects == ["The hub is away", "The hub answers again"]
