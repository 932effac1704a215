"""Metrics and quantities as people say them, in their language: the unit stands in the name's suffix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from django.utils.formats import get_format
from django.utils.translation import pgettext

from metrics.titles import LABELS, NAMES

SUFFIXES = ("_bytes_per_second", "_per_second", "_percent", "_bytes", "_seconds", "_celsius")
SPECIAL = {"cpu": "CPU", "tcp": "TCP", "net": "Network"}
LITTLE, TEN, HUNDRED, THOUSAND = 0.1, 10, 100, 999.5  # where the digits after the point change
EXACT = 1e15  # beyond it a number is written with a power of ten


def name(metric: str, labels: Mapping[str, str] | None = None) -> str:
    """`disk_used_percent{mount="/"}` → `Disk used (mount /)`."""
    text = str(NAMES[metric]) if metric in NAMES else _unknown(metric)
    if labels:
        pairs = (f"{LABELS.get(key, key)} {value}" for key, value in sorted(labels.items()))
        text += f" ({', '.join(pairs)})"
    return text


def _unknown(metric: str) -> str:
    stem = next((metric.removesuffix(suffix) for suffix in SUFFIXES if metric.endswith(suffix)), metric)
    first, *rest = stem.split("_")
    return " ".join([SPECIAL.get(first, first.capitalize()), *rest])


def number(value: float, digits: int = 4) -> str:
    """Up to so many digits that count, no power of ten, separators of the reader's language: `1,234.5`, `1.234,5`."""
    if not math.isfinite(value):
        return "?"
    if abs(value) >= EXACT:
        return f"{value:.{digits}g}"
    places = min(9, max(0, digits - 1 - math.floor(math.log10(abs(value))))) if value else 0
    text = f"{value:,.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "".join(_sign(sign) for sign in text)


def _sign(sign: str) -> str:
    if sign == ",":
        return str(get_format("THOUSAND_SEPARATOR"))
    return str(get_format("DECIMAL_SEPARATOR")) if sign == "." else sign


def quantity(metric: str, value: float) -> str:
    """A value with its unit, short enough for a text message."""
    if metric.endswith("_percent"):
        return f"{number(value)} %"
    if metric.endswith("_bytes"):
        return _bytes(value)
    if metric.endswith("_bytes_per_second"):
        return f"{_bytes(value)}/s"
    if metric.endswith("_per_second"):
        return f"{number(value)}/s"
    if metric.endswith(("_seconds", "_seconds_left")):
        return _seconds(value)
    return f"{number(value)} °C" if metric.endswith("_celsius") else number(value, 6)


def shown(metric: str, value: float) -> str:
    """A value as the pages write it, in the units and digits of the charts (frontend/src/format.ts)."""
    if not math.isfinite(value):
        return "?"
    if metric.endswith("_percent"):
        digits = 2 if value and abs(value) < LITTLE else 1
        return f"{number(round(value, digits), 6)} %"
    if metric.endswith(("_bytes", "_bytes_per_second")):
        return _charted(value) + ("/s" if metric.endswith("_per_second") else "")
    if metric.endswith("_seconds") and 0 < abs(value) < 1:
        return f"{number(value * THOUSAND, 3)} ms"
    if metric.endswith(("_per_second", "_seconds", "_seconds_left", "_celsius")):
        return quantity(metric, value if abs(value) < 1 else float(f"{value:.3g}"))
    return number(round(value, _places(value)), 12)


def _places(value: float) -> int:
    return 0 if abs(value) >= HUNDRED else 1 if abs(value) >= TEN else 2


def _charted(value: float) -> str:
    left, units = value, iter(("B", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while abs(left) >= THOUSAND and (more := next(units, "")):
        left, unit = left / 1000, more
    return f"{number(round(left, 0 if unit == 'B' else _places(left)), 12)} {unit}"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{number(value)} {unit}"
        value /= 1024
    return f"{number(value)} TiB"


def _seconds(seconds: float) -> str:
    for size, unit in _units():
        if abs(seconds) >= size:
            return f"{number(seconds / size, 3)} {unit}"
    return f"{number(seconds, 3)} s"


def duration(seconds: float) -> str:
    """A time that passed, in its greatest unit and the next: `45 s`, `12 min`, `2 d 3 h`."""
    left = max(0, round(seconds))
    for (size, unit), (small, minor) in pairwise((*_units(), (1, "s"))):
        if left >= size:
            rest = left % size // small
            plain = rest == 0 or (small == 1 and left >= 600)  # of ten minutes nobody counts the seconds
            return f"{left // size} {unit}" + ("" if plain else f" {rest} {minor}")
    return f"{left} s"


def _units() -> tuple[tuple[int, str], ...]:
    return (
        (86400, pgettext("unit of time: days", "d")),
        (3600, pgettext("unit of time: hours", "h")),
        (60, pgettext("unit of time: minutes", "min")),
    )
