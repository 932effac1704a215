"""Log lines are whole JSON objects, carry the request's id, and never a secret."""

from __future__ import annotations

import json
import logging
import logging.config
import re
import sqlite3
import sys
from contextlib import closing
from io import StringIO
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError

from core import jsonlog
from core.apart import passing

SECRETS = [
    ("key wka_0123abcd.SeCrEt-part_of_it refused", "SeCrEt", "wka_0123abcd"),
    ("token wkt_aa11.zzzzzzzzSECRETzzzz", "SECRET", "wkt_aa11"),
    ("enrol with wke_b2.SECRETSECRETSECRET now", "SECRET", "wke_b2"),
    ("bare wka_SECRETSECRETSECRETSECRET", "SECRETS", "wka_"),
    ("Authorization: Bearer SECRET", "SECRET", "Authorization"),
    ("{'Authorization': 'Basic SECRETabc'}", "SECRET", "Authorization"),
    ("authorization=SECRET next", "SECRET", "next"),
    ("sent bearer abcdefghSECRETijkl to", "SECRET", " to"),
    ("postgres://watch:SECRET@db/watch", "SECRET", "db/watch"),
    ("redis://:SECRET@cache:6379/0 refused", "SECRET", "cache:6379"),
    ("smtp+tls://u:SECRET@mail.example.org:587", "SECRET", "mail.example.org"),
    ("password=SECRET&x=1", "SECRET", "x=1"),
    ('{"secret": "SECRET", "a": 1}', "SECRET", '"a": 1'),
]


def logged(
    *args: Any, as_json: bool = True, name: str = "tests.jsonlog", level: int = logging.WARNING, **more: Any
) -> str:
    out = StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(jsonlog.RedactingFilter())
    handler.setFormatter(jsonlog.JsonFormatter() if as_json else jsonlog.PlainFormatter())
    logger = logging.Logger(name)
    logger.addHandler(handler)
    logger.log(level, *args, **more)
    return out.getvalue()


@pytest.mark.parametrize(("text", "secret", "kept"), SECRETS)
def test_secrets_are_hidden_wherever_they_stand(text: str, secret: str, kept: str) -> None:
    for line in (
        logged(text),
        logged("seen: %s", text),
        logged("seen: %(a)s", {"a": text}),
        logged("seen", extra={"place": text}),
        logged(text, as_json=False),
    ):
        assert secret not in line
        assert kept in line or kept.replace('"', '\\"') in line


def test_exceptions_are_one_line_and_redacted() -> None:
    try:
        dict[str, str]()["postgres://watch:SECRET@db/watch\nsecond line"]
    except KeyError:
        line = logged("it failed", exc_info=True)
    assert line.count("\n") == 1
    assert "SECRET" not in line
    assert json.loads(line)["exception"].startswith("Traceback")
    assert "test_jsonlog.py" in line


def test_a_line_tells_when_what_and_for_which_request() -> None:
    token = jsonlog.request_id.set("abc-123")
    try:
        line = json.loads(logged('a "b"\nc %d', 3, extra={"server": "web-1", "count": 4, "api_key": "x"}))
    finally:
        jsonlog.request_id.reset(token)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "tests.jsonlog",
        "message": 'a "b"\nc 3',
        "request": "abc-123",
        "server": "web-1",
        "count": 4,
        "api_key": "[hidden]",
    }


@pytest.mark.parametrize("args", [("%d of %d", 1), ("%s",), ("100%", 1), (object(),), ("\ud800",)])
def test_a_wrong_call_never_costs_the_line(args: tuple[Any, ...]) -> None:
    json.loads(logged(*args))


def test_the_offered_configuration_is_accepted() -> None:
    made = jsonlog.config(level="WARNING")
    configurator = logging.config.DictConfigurator(made)
    filters = configurator.configure_filter(made["filters"]["redact"])
    assert isinstance(filters, jsonlog.RedactingFilter)
    assert isinstance(configurator.configure_formatter(made["formatters"]["line"]), jsonlog.JsonFormatter)
    assert sys.stderr is not None


def plainly(*messages: tuple[float, str], ended: bool = False) -> list[str]:
    """Lines as a terminal has them, of what was said at these seconds, and perhaps of the end of the process."""
    handler, out = jsonlog.Seldom(), StringIO()
    handler.setStream(out)
    handler.setFormatter(jsonlog.PlainFormatter())
    for at, message in messages:
        record = logging.LogRecord("alerts.delivery.deliver", logging.WARNING, "", 0, message, None, None)
        record.created = at
        handler.handle(record)
    if ended:
        handler.close()
    return [line.partition(": ")[2] for line in out.getvalue().splitlines()]


def test_a_terminal_gets_short_lines_and_the_last_of_a_traceback() -> None:
    assert re.fullmatch(r"\d\d:\d\d jsonlog: The channel is away\n", logged("The channel is away", as_json=False))
    try:
        int("x")
    except ValueError:
        line = logged("It failed", as_json=False, exc_info=True)
    assert re.fullmatch(r"\d\d:\d\d jsonlog: It failed \(ValueError: invalid literal .*\)\n", line)


def test_a_repeated_fault_is_told_once_in_a_while_with_its_count() -> None:
    away = [(float(at), f"Try {at} failed") for at in range(0, 290, 10)]
    told = plainly(*away, (5.0, "Another thing"), (301.0, "Try 99 failed"), (700.0, "Try 100 failed"))
    assert told == [
        "Try 0 failed", "Another thing", "Try 99 failed (28 more like this in the meantime)", "Try 100 failed",
    ]  # fmt: skip


def test_a_fault_that_has_ended_is_counted_with_the_next_line_and_at_the_end() -> None:
    away = [(float(at), f"Try {at} failed") for at in range(4)]
    counted = "Try 3 failed (2 more like this in the meantime)"
    assert plainly(*away, (299.0, "Another thing"), (301.0, "A third")) == [
        "Try 0 failed", "Another thing", counted, "A third",
    ]  # fmt: skip
    assert plainly(*away, ended=True) == ["Try 0 failed", counted]
    assert plainly(away[0], ended=True) == ["Try 0 failed"]


def test_programs_get_objects_and_a_terminal_lines_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (True, False):
        screen = StringIO()
        monkeypatch.setattr(screen, "isatty", lambda there=terminal: there)
        monkeypatch.setattr(sys, "stderr", screen)
        assert jsonlog.for_programs("auto") is not terminal
        assert jsonlog.for_programs("json") is True
        assert jsonlog.for_programs("plain") is False
    made = jsonlog.config(as_json=False)
    assert made["handlers"]["console"]["class"] == "core.jsonlog.Seldom"


def failing(statement: str, name: str = "core.runner", **extra: Any) -> dict[str, Any]:
    """The line of a loop whose step met this, on a file that another process writes to."""
    error = OperationalError("it was not refused")
    with TemporaryDirectory() as folder, closing(sqlite3.connect(f"{folder}/a", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        try:
            with closing(sqlite3.connect(f"{folder}/a", timeout=0)) as ours:
                ours.execute(statement)
        except sqlite3.Error as cause:
            error = OperationalError(str(cause))
            error.__cause__ = cause
    found: dict[str, Any] = json.loads(
        logged("telling failed; trying again", name=name, level=logging.ERROR, exc_info=error, extra=extra)
    )
    return found


def test_a_locked_database_is_one_warning_that_says_what_comes_next() -> None:
    line = failing("CREATE TABLE a (b)")
    assert "exception" not in line
    assert (line["level"], line["message"]) == ("warning", "telling failed; trying again: database is locked")


def test_a_lost_connection_is_one_warning_and_a_wrong_question_keeps_its_story() -> None:
    assert passing(InterfaceError("connection already closed"))
    assert not passing(ProgrammingError("no such function"))
    line = failing("nonsense")
    assert line["level"] == "error"
    assert "Traceback" in line["exception"]


def test_a_task_that_met_a_locked_database_is_not_told_twice() -> None:
    data = {"name": "alerts.tasks.tidy", "traceback": "Traceback …"}
    line = failing("CREATE TABLE a (b)", "celery.app.trace", data=data)
    assert line["message"].startswith("Task alerts.tasks.tidy failed; it is done again when it is due next: ")
    assert not {"data", "exception"} & set(line)
    story = failing("nonsense", "celery.app.trace", data=data)
    assert "data" not in story, "the story stands there once"
    assert "Traceback" in story["exception"]
