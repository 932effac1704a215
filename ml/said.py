"""What was unusual, in plain words: how far from what is usual at that hour, what else, and what it began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from django.utils import timezone, translation
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from core.clock import now
from metrics.store import number, parse, shown, spoken
from ml.models import Episode

Part = Mapping[str, Any]
TIMES = 1.5  # from here on it is so many times the usual
MOST_TIMES, WHOLE = 99, 10
NAMED = 2  # others that are told by name
LEAST_SHARE = 0.08
LONGEST = 300


def sentence(
    top: Sequence[Part], language: str | None = None, *, at: datetime | None = None, cause: str = "",
    hourly: bool = True,
) -> str:  # fmt: skip
    """Of an episode's top metrics, the guiltiest first; without any the server was silent.

    `hourly` says that the model knows the hours of the day: a young one compares with all it has seen.
    """
    with translation.override(language or translation.get_language() or "en"):
        if not top:
            return _("It says nothing, which is not usual for it.")
        parts = [_first(top[0], at or now(), hourly=hourly)]
        others = [_name(one) for one in top[1:] if float(one.get("share") or 0) >= LEAST_SHARE][:NAMED]
        if others:
            parts.append(_("Also unusual: %(what)s.") % {"what": ", ".join(others)})
        if cause:
            parts.append(_("It began with: %(what)s.") % {"what": cause.rstrip(".")[:LONGEST]})
        return " ".join(parts)


def of_server(server: int, language: str | None = None) -> str:
    """What is unusual on a server now; empty where nothing is."""
    row = Episode.objects.open().filter(server=server).order_by("-began_at").first()
    return of(row, language) if row else ""


def of(row: Episode, language: str | None = None, *, cause: str = "") -> str:
    return sentence([] if row.silent else row.top, language, at=row.began_at, cause=cause)


def _first(one: Part, at: datetime, *, hourly: bool) -> str:
    metric = _metric(one)
    value, low, high = (_number(one.get(word)) for word in ("value", "low", "high"))
    words = {"what": _name(one), "when": _when(at) if hourly else _("this server")}
    if value is None:
        return _("%(what)s is unusual for %(when)s.") % words
    words |= {"value": shown(metric, value)}
    if low is None or high is None:
        return _("%(what)s is %(value)s, which is unusual for %(when)s.") % words
    words |= {"low": shown(metric, max(low, 0.0)), "high": shown(metric, high)}
    middle = (max(low, 0.0) + high) / 2
    if value > high and middle > 0 and value / middle >= TIMES:
        words["times"] = _times(value / middle)
        return _("%(what)s is %(value)s: %(times)s times the usual for %(when)s (%(low)s to %(high)s).") % words
    if value > high:
        return _("%(what)s is %(value)s: more than usual for %(when)s (%(low)s to %(high)s).") % words
    if value < low:
        return _("%(what)s is %(value)s: less than usual for %(when)s (%(low)s to %(high)s).") % words
    return _("%(what)s is %(value)s and moves unlike it usually does for %(when)s.") % words


def _times(ratio: float) -> str:
    if ratio > MOST_TIMES:
        return _("over %(n)s") % {"n": MOST_TIMES}
    return number(round(ratio, 1 if ratio < WHOLE else 0), 3)


def _when(at: datetime) -> str:
    """As people say a time of the week."""
    local = timezone.localtime(at)
    day = str(WEEKDAYS[local.weekday()])
    if not (translation.get_language() or "en").startswith("en"):
        day = day.lower()  # Portuguese catalogues have them as they stand alone; within a sentence they are small
    if local.hour < 6 or local.hour >= 22:
        return _("a %(day)s night") % {"day": day}
    if local.hour < 12:
        return _("a %(day)s morning") % {"day": day}
    if local.hour < 18:
        return _("a %(day)s afternoon") % {"day": day}
    return _("a %(day)s evening") % {"day": day}


def _metric(one: Part) -> str:
    return str(one.get("column", "")).partition("{")[0]


def _name(one: Part) -> str:
    column = str(one.get("column", ""))
    try:
        metric, labels = parse(column)
    except ValueError:
        return column
    return spoken(metric, dict(labels))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None
