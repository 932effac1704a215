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
from metrics.store import number, parse, quantity, shown, spoken
from ml.models import Episode

Part = Mapping[str, Any]
TIMES = 1.5  # from here on it is so many times the usual
MOST_TIMES, WHOLE = 99, 10
NAMED = 2  # others that are told by name
LEAST_SHARE = 0.08
HIDDEN = 0.05  # so far out of a range, rounding may not hide it
LONGEST = 300


def sentence(
    top: Sequence[Part], language: str | None = None, *, at: datetime | None = None, cause: str = "",
    hourly: bool = True,
) -> str:  # fmt: skip
    """Of an episode's top metrics, the guiltiest that is out of its range first; without any the server was silent.

    `hourly` says that the model knows the hours of the day: a young one compares with all it has seen.
    """
    with translation.override(language or translation.get_language() or "en"):
        if not top:
            return _("It says nothing, which is not usual for it.")
        when = _when(at or now()) if hourly else _("this server")
        beyond = [one for one in top if not within(one)]
        parts = [_first(beyond[0], when) if beyond else _together(top, when)]
        guilty = [one for one in beyond if float(one.get("share") or 0) >= LEAST_SHARE or one is beyond[0]]
        if others := _names(guilty)[1 : NAMED + 1]:
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


def within(one: Part) -> bool:
    """Whether it is in its own usual range as people read it: what rounds to its range is not out of it."""
    value, low, high = worded(one)
    figures = [_number(one.get(word)) for word in ("value", "low", "high")]
    if None in figures:
        return False
    given, least, most = (figure or 0.0 for figure in figures)
    return (given >= least or value == low) and (given <= most or value == high)


def worded(one: Part) -> tuple[str, str, str]:
    """Value and range in the digits of the pages; in more where these would hide that it is well out of it."""
    metric = _metric(one)
    value, low, high = (_number(one.get(word)) for word in ("value", "low", "high"))
    low = None if low is None else max(low, 0.0)
    texts = ["" if each is None else shown(metric, each) for each in (value, low, high)]
    if value is not None and low is not None and high is not None:
        away = max(low - value, value - high)
        if texts[0] in texts[1:] and away > HIDDEN * max(abs(value), abs(high)):
            texts = [quantity(metric, each) for each in (value, low, high)]
    return texts[0], texts[1], texts[2]


def _names(top: Sequence[Part]) -> list[str]:
    """Each name once: bytes and percent of one thing are two metrics, and one word."""
    return list(dict.fromkeys(_name(one) for one in top))


def _together(top: Sequence[Part], when: str) -> str:
    """None is out of its range, so none of them is a reason by itself."""
    words = {"when": when, "what": ", ".join(_names(top)[: NAMED + 1])}
    text = _("Each number is in its usual range; together they move unlike they usually do for %(when)s: %(what)s.")
    return text % words


def _first(one: Part, when: str) -> str:
    value, low, high = (_number(one.get(word)) for word in ("value", "low", "high"))
    texts = dict(zip(("value", "low", "high"), worded(one), strict=True))
    words = {"what": _name(one), "when": when, **texts}
    if value is None:
        return _("%(what)s is unusual for %(when)s.") % words
    if low is None or high is None:
        return _("%(what)s is %(value)s, which is unusual for %(when)s.") % words
    middle = (max(low, 0.0) + high) / 2
    if value > high and middle > 0 and value / middle >= TIMES:
        words["times"] = _times(value / middle)
        return _("%(what)s is %(value)s: %(times)s times the usual for %(when)s (%(low)s to %(high)s).") % words
    if value > high:
        return _("%(what)s is %(value)s: more than usual for %(when)s (%(low)s to %(high)s).") % words
    return _("%(what)s is %(value)s: less than usual for %(when)s (%(low)s to %(high)s).") % words


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
