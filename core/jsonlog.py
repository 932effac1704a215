"""Logging as one JSON object per line, with the request's id and without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from core.apart import passing

request_id: ContextVar[str] = ContextVar("request_id", default="")

HIDDEN = "[hidden]"
SELDOM = 300.0
MOST_KINDS = 500
_DIGITS = re.compile(r"\d+")
_SECRETS = (
    # Our own tokens: the id before the dot stays readable, so that one can find and revoke the key.
    (re.compile(r"\b(wk[ate]_[A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_~+/=-]+"), rf"\1.{HIDDEN}"),
    (re.compile(r"\b(wk[ate]_)[A-Za-z0-9_~+/=-]{16,}(?!\.\[)"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(authorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|digest)\s+)?)(?!bearer\b|basic\b|token\b)[^\s\"',;]+",
            re.I,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{12,}", re.I), rf"\1{HIDDEN}"),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+@", re.I), rf"\1{HIDDEN}@"),
    (
        re.compile(r"((?:password|passwd|secret|api_key|token)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&\[]+", re.I),
        rf"\1{HIDDEN}",
    ),
)
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "taskName"}
_HIDDEN_NAMES = re.compile(r"authorization|cookie|password|passwd|secret|token|api_?key", re.I)


def redact(text: str) -> str:
    """The text without what would let a reader of the log in."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class RedactingFilter(logging.Filter):
    """Takes secrets out of a record before any formatter sees it, and notes the request's id."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(record, "request_id", "") or request_id.get()
        _shorten(record)
        record.msg, record.args = redact(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return True


def _shorten(record: logging.LogRecord) -> None:
    """A database that is busy or away is one line: where in our code it was met helps nobody."""
    task = vars(record).pop("data", {}).get("name") if record.name == "celery.app.trace" else None
    error = record.exc_info[1] if record.exc_info else None
    if not passing(error):
        return
    text = f"Task {task} failed; it is done again when it is due next" if task else _message(record)
    record.msg, record.args = f"{text}: {' '.join(str(error).split())}", None
    record.exc_info = record.exc_text = None
    record.levelno, record.levelname = logging.WARNING, "WARNING"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # A wrong format string must not cost us the line.
        return f"{record.msg} {record.args}"


class JsonFormatter(logging.Formatter):
    """One object per line: time, level, logger, message, request, exception, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(_message(record)),
        }
        if request := getattr(record, "request_id", "") or request_id.get():
            line["request"] = request
        if record.exc_info or record.exc_text:
            line["exception"] = redact(record.exc_text or self.formatException(record.exc_info))  # type: ignore[arg-type]
        line |= {name: _extra(name, value) for name, value in vars(record).items() if name not in _PLAIN}
        return json.dumps(line, ensure_ascii=False)


def _extra(name: str, value: object) -> object:
    if _HIDDEN_NAMES.search(name):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


class PlainFormatter(logging.Formatter):
    """For a terminal: when, which part, what; of a fault its last line, and the same secrets hidden."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%H:%M", time.localtime(record.created))
        line = f"{at} {record.name.rpartition('.')[2]}: {_message(record)}"
        if record.exc_info or record.exc_text:
            story = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
            line += f" ({story.rstrip().rpartition(chr(10))[2]})"
        return redact(line)


@dataclass
class _Told:
    at: float
    last: logging.LogRecord
    more: int = 0


class Seldom(logging.StreamHandler[TextIO]):
    """For a terminal: the same line, whatever its numbers, comes once in a while, with how often it came since."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[tuple[str, str], _Told] = {}

    def emit(self, record: logging.LogRecord) -> None:
        key = (record.name, _DIGITS.sub("0", _message(record)))
        known = self.told.get(key)
        for kind in [kind for kind, one in self.told.items() if record.created - one.at >= SELDOM and kind != key]:
            self._end(kind)
        if known and record.created - known.at < SELDOM:
            known.last, known.more = record, known.more + 1
            return
        if not known and len(self.told) >= MOST_KINDS:
            self._end(next(iter(self.told)))
        self.told[key] = _Told(record.created, record)
        super().emit(_counted(record, known.more if known else 0))

    def close(self) -> None:
        for kind in list(self.told):
            self._end(kind)
        super().close()

    def _end(self, kind: tuple[str, str]) -> None:
        one = self.told.pop(kind)
        if one.more:
            super().emit(_counted(one.last, one.more - 1))


def _counted(record: logging.LogRecord, more: int) -> logging.LogRecord:
    if more:
        record.msg, record.args = f"{_message(record)} ({more} more like this in the meantime)", None
    return record


def for_programs(wanted: str) -> bool:
    """What `auto` means: lines for people where people look, else for programs."""
    if wanted != "auto":
        return wanted == "json"
    return not (sys.stderr and sys.stderr.isatty())


def config(*, level: str = "INFO", as_json: bool = True) -> dict[str, Any]:
    """The value of Django's LOGGING: everything to standard error through the redaction."""
    handler = "logging.StreamHandler" if as_json else "core.jsonlog.Seldom"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"redact": {"()": "core.jsonlog.RedactingFilter"}},
        "formatters": {"line": {"()": "core.jsonlog.JsonFormatter" if as_json else "core.jsonlog.PlainFormatter"}},
        "handlers": {"console": {"class": handler, "filters": ["redact"], "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            # A line for each refused page would let strangers fill the disk.
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "uvicorn": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.worker.consumer": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
        },
    }
