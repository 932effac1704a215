"""Series names: `disk_used_percent{mount="/"}`, read strictly and written in one canonical form."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

LONGEST_METRIC = 200
METRIC = re.compile(rf"[a-zA-Z_:][a-zA-Z0-9_:]{{0,{LONGEST_METRIC - 1}}}")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]{0,99})\s*=\s*"((?:[^"\\\n]|\\["\\n])*)"\s*(,|$)')
_ESCAPED = re.compile(r'\\(["\\n])')
LONGEST = 2000  # bytes: PostgreSQL indexes no text beyond 2,700
MOST_LABELS = 30

Labels = tuple[tuple[str, str], ...]


class BadName(ValueError):
    """Not the name of a series; the text says why."""


@lru_cache(maxsize=20_000)
def parse(column: str) -> tuple[str, Labels]:
    """The metric and its labels, sorted by key."""
    try:
        size = len(column.encode())
    except UnicodeEncodeError as fault:  # half of a surrogate pair
        raise BadName("holds what is no character") from fault
    if size > LONGEST:
        raise BadName(f"longer than {LONGEST} bytes")
    metric, brace, rest = column.partition("{")
    if len(metric) > LONGEST_METRIC:
        raise BadName(f"the metric name is longer than {LONGEST_METRIC} characters")
    if not METRIC.fullmatch(metric):
        raise BadName("not a metric name: letters, digits, _ and : only, no digit first")
    if not brace:
        return metric, ()
    if not rest.endswith("}"):
        raise BadName("the closing brace is missing")
    return metric, _labels(rest[:-1])


def _labels(text: str) -> Labels:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _LABEL.match(text, place)
        if not match:
            raise BadName('labels must look like {mount="/",device="sda"}')
        key, value = match[1], _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], match[2])
        if key in found:
            raise BadName(f"label {key} stands twice")
        if "\0" in value:
            raise BadName(f"label {key} holds a NUL")
        found[key] = value
        place = match.end()
    if len(found) > MOST_LABELS:
        raise BadName(f"more than {MOST_LABELS} labels")
    return tuple(sorted(found.items()))


def write(labels: Labels) -> str:
    """Labels as text: keys sorted, backslash, quote and newline escaped; empty for none."""
    if not labels:
        return ""
    parts = (f'{key}="{_escape(value)}"' for key, value in labels)
    return "{" + ",".join(parts) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def layout_hash(columns: list[str]) -> str:
    """The identity of a column list on the wire."""
    return hashlib.sha256("\n".join(columns).encode("utf-8", "surrogatepass")).hexdigest()[:16]
