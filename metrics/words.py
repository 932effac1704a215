"""Metrics and quantities as people say them: the unit stands in the name's suffix."""

from __future__ import annotations

from collections.abc import Mapping

SUFFIXES = ("_bytes_per_second", "_per_second", "_percent", "_bytes", "_seconds", "_celsius")
SPECIAL = {
    "cpu": "CPU",
    "tcp": "TCP",
    "net": "Network",
    "load1": "Load over 1 minute",
    "load5": "Load over 5 minutes",
}


def name(metric: str, labels: Mapping[str, str] | None = None) -> str:
    """`disk_used_percent{mount="/"}` → `Disk used (mount /)`."""
    stem = next((metric.removesuffix(suffix) for suffix in SUFFIXES if metric.endswith(suffix)), metric)
    first, *rest = stem.split("_")
    text = " ".join([SPECIAL.get(first, first.capitalize()), *rest])
    if labels:
        text += f" ({', '.join(f'{key} {value}' for key, value in sorted(labels.items()))})"
    return text


def quantity(metric: str, value: float) -> str:
    """A value with its unit, short enough for a text message."""
    if metric.endswith("_percent"):
        return f"{value:.4g} %"
    if metric.endswith("_bytes"):
        return _bytes(value)
    if metric.endswith("_bytes_per_second"):
        return f"{_bytes(value)}/s"
    if metric.endswith("_per_second"):
        return f"{value:.4g}/s"
    if metric.endswith("_seconds"):
        return _duration(value)
    return f"{value:.4g} °C" if metric.endswith("_celsius") else f"{value:.6g}"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} TiB"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
