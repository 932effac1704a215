"""One look at the machine: values under column names, and rates made of counters."""

from __future__ import annotations

from typing import Union

try:  # what hashlib would come to, without loading all of OpenSSL; its name depends on the Python
    from _sha2 import sha256 as _sha256  # type: ignore[import-not-found]
except ImportError:
    try:
        from _sha256 import sha256 as _sha256  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha256 as _sha256

Number = Union[int, float]

ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def column(name: str, labels: dict[str, str]) -> str:
    """The canonical name of a series: label keys sorted, values escaped."""
    if not labels:
        return name
    inside = ",".join(f'{key}="{labels[key].translate(ESCAPES)}"' for key in sorted(labels))
    return f"{name}{{{inside}}}"


def sha256(content: bytes) -> str:
    digest: str = _sha256(content).hexdigest()
    return digest


def layout_of(columns: list[str]) -> str:
    """The short name of a list of columns, as the hub computes it too; bytes that are no text go out as `?`."""
    return sha256("\n".join(columns).encode("utf-8", "replace"))[:16]


class Counters:
    """The last reading of every counter, to make rates of."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Number, float]] = {}

    def rise(self, key: str, value: Number, at: float) -> tuple[Number, float] | None:
        """How much a counter rose and in how many seconds; None the first time and after a reset."""
        before = self._last.get(key)
        self._last[key] = (value, at)
        if before is None or value < before[0] or at <= before[1]:
            return None
        return value - before[0], at - before[1]


class Sample:
    """What the collectors found in one round; `at` is the monotonic clock, for rates."""

    def __init__(self, at: float, counters: Counters) -> None:
        self.at = at
        self.counters = counters
        self.values: dict[str, Number | None] = {}

    def put(self, name: str, value: Number | None, digits: int = 0, **labels: str) -> None:
        """One value, rounded as agents round: None means not measured this time."""
        if value is not None:
            value = round(value, digits) if digits else round(value)
        self.values[column(name, labels)] = value

    def percent(self, name: str, value: float | None, **labels: str) -> None:
        """A share of a whole: 0 to 100, two digits."""
        self.put(name, None if value is None else min(100.0, max(0.0, value)), 2, **labels)

    def rise(self, key: str, value: Number) -> tuple[Number, float] | None:
        return self.counters.rise(key, value, self.at)

    def rate(self, name: str, value: Number, digits: int = 0, **labels: str) -> None:
        """A counter as its change per second since the last round."""
        rise = self.rise(column(name, labels), value)
        self.put(name, None if rise is None else rise[0] / rise[1], digits, **labels)
