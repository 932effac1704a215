"""Who looks on at every round beside the spool: the status file, the local metric log, the mail."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Protocol

from watchkeeper_agent import VERSION, errors
from watchkeeper_agent.collectors import Collectors
from watchkeeper_agent.config import Config
from watchkeeper_agent.courier import Courier
from watchkeeper_agent.errors import Trouble, say
from watchkeeper_agent.sample import Number
from watchkeeper_agent.spool import Spool

Values = dict[str, "Number | None"]
BETWEEN_STATUS = 60.0
WRONG = ("spool", "spool caps", "refused", "mail", "metric log", "orders")


class Watched(Protocol):
    """As much of the loop as a witness sees."""

    collectors: Collectors

    spool: Spool
    courier: Courier


class Witness(Protocol):
    """Told of every row; what it cannot do it says, and never hinders the row."""

    def look(self, loop: Watched, at: float, values: Values) -> None: ...


def witnesses(config: Config) -> list[Witness]:
    """As the config file asks."""
    found: list[Witness] = [Status(config)]
    if config.metric_log:
        try:
            found.append(MetricLog(config.metric_log, config.folder))
        except (TypeError, ValueError) as error:
            say("metric log", f"The metric_log part of {config.path} is not understood ({error}); none is written.")
    if config.mail:
        from watchkeeper_agent.mail import Mailer  # noqa: PLC0415 - few want it

        try:
            found.append(Mailer(config.mail, config.url))
        except Trouble as trouble:
            say("mail", str(trouble))
        except (TypeError, ValueError) as error:
            say("mail", f"The mail part of {config.path} is not understood ({error}); none is sent.")
    return found


class Status:
    """A small file for `status`: written each minute, and with a row where something that matters changed."""

    def __init__(self, config: Config) -> None:
        self.path = f"{config.spool}/status"
        self.written_at = 0.0
        self.told: tuple[object, ...] = ()

    def look(self, loop: Watched, at: float, values: Values) -> None:
        now, courier, spool = time.monotonic(), loop.courier, loop.spool
        waiting = spool.waiting()
        if courier.acked_at and not courier.trouble:
            waiting = max(0, waiting - 1)  # the row of this very moment is on its way, as each one before it was
        news = (courier.acked_at is None, courier.trouble, waiting)
        if now - self.written_at < BETWEEN_STATUS and news == self.told:
            return
        self.written_at, self.told = now, news
        if spool.writer is None:
            return
        document = {
            "at": at,
            "version": VERSION,
            "pid": os.getpid(),
            "interval": courier.interval,
            "acked_at": courier.acked_at,
            "trouble": courier.trouble,
            "waiting": waiting,
            "spool_bytes": spool.size(),
            "held": len(spool.held),
            "dropped_rows": spool.dropped,
            "dropped_samples": spool.samples,
            "series": len(values),
            "off": loop.collectors.off(),
            "said": {name: text for name, text in errors.said().items() if name in WRONG},
        }
        _replace(self.path, json.dumps(document))


def _replace(path: str, text: str) -> None:
    """Not synced: the next minute brings another."""
    try:
        with open(path + ".part", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".part", path)
    except OSError:
        return  # the spool says what is wrong with this folder


class MetricLog:
    """Every row as one line of JSON on this machine, in files of bounded size."""

    def __init__(self, options: dict[str, Any], folder: str) -> None:
        self.path = str(options.get("path") or f"{folder}/metrics.jsonl")
        self.largest = int(options.get("max_bytes") or 16 << 20)
        self.files = max(1, int(options.get("files") or 4))

    def look(self, loop: Watched, at: float, values: Values) -> None:
        line = json.dumps({"t": at, "m": values}, separators=(",", ":")) + "\n"
        try:
            if not self._write(line):  # closed by now: Windows moves no open file
                self._rotate()
                self._write(line)
        except OSError as error:
            say("metric log", f"The metric log {self.path} cannot be written ({error.strerror}).")
        else:
            errors.unsay("metric log")

    def _write(self, line: str) -> bool:
        """False where the file is full."""
        with open(self.path, "a", encoding="utf-8", opener=_for_us_alone) as file:
            full = bool(file.tell()) and file.tell() + len(line) > self.largest
            if not full:
                file.write(line)
        return not full

    def _rotate(self) -> None:
        """metrics.jsonl becomes metrics.jsonl.1, that one .2, and the last one goes."""
        names = [self.path, *(f"{self.path}.{number}" for number in range(1, self.files))]
        for older, newer in zip(reversed(names), [*reversed(names[:-1])]):
            if os.path.exists(newer):
                os.replace(newer, older)
        if len(names) == 1:
            os.unlink(self.path)


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
