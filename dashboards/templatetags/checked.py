"""What checks measured and said, as people read it."""

from __future__ import annotations

from django import template

from core.figures import rounded
from dashboards.told import told
from metrics.store import duration

register = template.Library()
register.filter(told)
MILLI = 0.001


@register.filter
def took(seconds: float | None) -> str:
    """Of an answer: 35 ms, 1.20 s; a dash for what was not measured."""
    if seconds is None:
        return "—"
    if seconds < 1:
        return f"{rounded(seconds * 1000, 1 if seconds < 10 * MILLI else 0)} ms"
    return duration(seconds) if seconds >= 100 else f"{rounded(seconds, 2 if seconds < 10 else 1)} s"


@register.filter
def spanned(span: str) -> str:
    """The `24h` of an address as people write it."""
    return f"{span[:-1]}\u00a0{span[-1]}"


@register.filter
def lasted(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else "0 s"
