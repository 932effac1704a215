"""What a Nagios plugin says: its exit status, its first line, and the figures behind the bar."""

from __future__ import annotations

import math
import re

STATES = ("ok", "warning", "critical", "unknown")
MOST_FIGURES = 50
FIGURE = re.compile(r"('(?:[^'=]|'')+'|[^\s'=]+)=(-?[0-9.,]+(?:[eE][-+]?\d+)?)([a-zA-Z%]*)(?:;\S*)?(?:\s+|$)")
# To the base unit of our names; what is unknown keeps the bare name.
UNITS = {
    "": ("check_value", 1.0),
    "s": ("check_value_seconds", 1.0),
    "ms": ("check_value_seconds", 1e-3),
    "us": ("check_value_seconds", 1e-6),
    "ns": ("check_value_seconds", 1e-9),
    "%": ("check_value_percent", 1.0),
    "b": ("check_value_bytes", 1.0),
    "kb": ("check_value_bytes", 1024.0),
    "kib": ("check_value_bytes", 1024.0),
    "mb": ("check_value_bytes", 1024.0**2),
    "mib": ("check_value_bytes", 1024.0**2),
    "gb": ("check_value_bytes", 1024.0**3),
    "gib": ("check_value_bytes", 1024.0**3),
    "tb": ("check_value_bytes", 1024.0**4),
    "tib": ("check_value_bytes", 1024.0**4),
    "c": ("check_value_total", 1.0),
}


def headline(output: str) -> str:
    """The first line, for people, without the figures."""
    return output.partition("\n")[0].partition("|")[0].strip()[:300]


def figures(output: str) -> list[tuple[str, str, float]]:
    """(metric, label, value in the metric's unit) of each figure; a bad one is left out."""
    first, _, rest = output.partition("\n")
    text = first.partition("|")[2]
    if "|" in rest:  # the figures may go on behind the long text
        text += " " + rest.partition("|")[2].replace("\n", " ")
    found: dict[tuple[str, str], float] = {}
    for match in FIGURE.finditer(text.strip() + " "):
        label = match[1].strip("'").replace("''", "'")[:100]
        try:
            value = float(match[2].replace(",", "."))
        except ValueError:
            continue
        metric, factor = UNITS.get(match[3].lower(), UNITS[""])
        value *= factor
        if math.isfinite(value) and len(found) < MOST_FIGURES:
            found.setdefault((metric, label), value)
    return [(metric, label, value) for (metric, label), value in found.items()]
