"""Which limit would have told at most twice a month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import floor, log10
from typing import Any

from alerts.models import Rule
from alerts.replay import spans
from alerts.replay.found import Judged
from alerts.replay.reading import Budget
from alerts.validating import RECOVERY

PER_MONTH = 2
MONTH = 30.0
HALVINGS = 8


def limit(rule: Rule, found: Judged, days: float, budget: Budget) -> dict[str, Any] | None:
    """None where it is calm enough, where there is nothing to move, or no time left to look."""
    most = max(1, round(PER_MONTH * days / MONTH))
    if not found.lines or len(found.spans) <= most:
        return None
    above = rule.op == "above"
    start = found.limits.mildest
    peaks = [one.peak for one in found.spans if one.peak == one.peak]
    if not peaks:
        return None
    far = max(peaks) if above else min(peaks)
    near, calm = start, far
    for _ in range(HALVINGS):
        if budget.spent:
            return None
        middle = (near + calm) / 2
        near, calm = (near, middle) if _count(rule, found, middle) <= most else (middle, calm)
    for value in _round(calm, start, above=above):
        fired = _count(rule, found, value)
        if fired <= most:
            return _moved(rule, value) | {"fired": fired}
    return None


def _count(rule: Rule, found: Judged, value: float) -> int:
    """How often the same series would have fired by another limit."""
    moved = _moved(rule, value)
    limits = replace(found.limits, **{name: moved[name] for name in moved})
    return sum(len(spans.judge(line, limits, found.end)) for line in found.lines)


def _moved(rule: Rule, value: float) -> dict[str, Any]:
    """The milder limit at this value, its recovery value as far behind it as now; the worse one is never milder."""
    moved: dict[str, Any] = {}
    for name, recover in RECOVERY.items():
        limit, back = getattr(rule, name), getattr(rule, recover)
        if limit is not None and (not moved or (limit < value if rule.op == "above" else limit > value)):
            moved[name] = value
            moved[recover] = None if back is None else float(f"{value - (limit - back):.12g}")
    return moved


def _round(value: float, start: float, *, above: bool) -> Iterator[float]:
    """Numbers that people write, from the calm side: 96.3 becomes 97, 1234567 becomes 1300000."""
    step = 10.0 ** (floor(log10(abs(value))) - 1) if value else 1.0
    if abs(value - start) < step:
        step /= 10
    whole = floor(value / step)
    for count in (0, 1, 2, 3) if above else (1, 0, -1, -2):
        yield float(f"{(whole + count) * step:.12g}")
