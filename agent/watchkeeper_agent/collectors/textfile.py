"""Series of the machine's owner, from files in Prometheus text format in one folder."""

from __future__ import annotations

import math
import os
import re
import time

from watchkeeper_agent.collectors.base import Absent, collector
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.errors import say
from watchkeeper_agent.sample import Sample, column

MOST_FILES, MOST_BYTES, MOST_SERIES = 50, 256 << 10, 1000
LONGEST_VALUE, LONGEST_NAME, MOST_LABELS = 200, 1000, 20
LINE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]{0,199})\s*(?:\{(.*)\})?\s+([^\s{}]+)(?:\s+-?\d+)?\s*"  # name {labels} value time
)
LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]{0,99})\s*=\s*"((?:[^"\\]|\\["\\n])*)"\s*(?:,|$)')
ESCAPED = re.compile(r'\\(["\\n])')


class Bad(ValueError):
    """A line that is no series; the text says why."""


def parse(line: str) -> tuple[str, dict[str, str], float]:
    """One line: name, labels, value."""
    match = LINE.fullmatch(line)
    if not match:
        raise Bad('is not `name{label="value"} number`')
    try:
        value = float(match[3])
    except ValueError:
        raise Bad(f"{match[3][:40]!r} is not a number") from None
    if not math.isfinite(value) or "_" in match[3]:
        raise Bad(f"{match[3][:40]!r} is not a number that can be kept")
    return match[1], _labels(match[2] or ""), value


def _labels(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = LABEL.match(text, place)
        if not match:
            raise Bad('has labels that do not look like {disk="sda"}')
        value = ESCAPED.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], match[2])
        if match[1] in found or "\0" in value or len(value) > LONGEST_VALUE or len(found) >= MOST_LABELS:
            raise Bad(f"has label {match[1]} twice, too long, or too many labels")
        found[match[1]] = value
        place = match.end()
    return found


@collector("textfiles", period=15.0)
class Textfiles:
    """Read whole each time; a file that is written in place and torn is refused line by line, so write and rename."""

    def __init__(self) -> None:
        self.options = Options()
        self.folder = ""
        self.stale = 0.0
        self.trouble = ""

    def configure(self, options: Options) -> None:
        self.options, self.folder, self.stale = options, options.textfiles, options.stale
        if not self.folder:
            raise Absent("")

    def idle(self) -> bool:
        """Whether there is nothing to ask yet."""
        return self.options.missing(self.folder)

    def collect(self, sample: Sample) -> None:
        if self.idle():
            raise Absent("")
        try:
            names = sorted(name for name in os.listdir(self.folder) if name.endswith(".prom"))
        except OSError as error:
            raise Absent(f"{self.folder} cannot be read ({error.strerror}).") from error
        faults = [f"more than {MOST_FILES} files; {name} is not read" for name in names[MOST_FILES : MOST_FILES + 1]]
        for name in names[:MOST_FILES]:
            faults += self._file(sample, name)
        self.trouble = "; ".join(faults[:3])[:300] + (f" and {len(faults) - 3} more" if len(faults) > 3 else "")
        if self.trouble:
            say("textfiles", f"Text files: {self.trouble}.")

    def _file(self, sample: Sample, name: str) -> list[str]:
        """Put what the file tells; what it tells wrongly is named."""
        path = f"{self.folder}/{name}"
        try:
            state = os.stat(path)
            if time.time() - state.st_mtime > self.stale:
                return [f"{name} is older than {self.stale / 60:g} min and not told"]
            if not _plain(state.st_mode) or state.st_size > MOST_BYTES:
                return [f"{name} is no plain file of at most {MOST_BYTES >> 10} KiB"]
            with open(path, encoding="utf-8", errors="strict", opener=_at_once) as file:
                lines = file.read(MOST_BYTES).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            return [f"{name} cannot be read ({error})"[:200]]
        faults = []
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            try:
                _put(sample, text)
            except Bad as bad:
                faults.append(f"{name} line {number} {bad}")
        return faults


def _at_once(path: str, flags: int) -> int:
    """Without waiting for a writer, should a pipe have taken the file's place meanwhile."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _plain(mode: int) -> bool:
    return mode & 0o170000 == 0o100000


def _put(sample: Sample, line: str) -> None:
    metric, labels, value = parse(line)
    name = column(metric, labels)
    if len(name.encode()) > LONGEST_NAME:
        raise Bad("has a longer name than can be kept")
    if name in sample.values:
        raise Bad("stands twice")
    if len(sample.values) >= MOST_SERIES:
        raise Bad(f"is beyond {MOST_SERIES} series")
    sample.values[name] = int(value) if value.is_integer() and abs(value) < 2**53 else value
