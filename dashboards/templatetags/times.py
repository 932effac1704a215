"""Times, ages and readings in templates: in the reader's language and zone, and readable by scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.clock import now
from core.figures import rounded

register = template.Library()
QUIET = {
    "paused": ("info", gettext_noop("Paused")), "down": ("off", gettext_noop("Not reporting")),
    "new": ("off", gettext_noop("Waiting")),
}  # fmt: skip


def age(seconds: float) -> str:
    """As the scripts write it: two units at most."""
    s = max(0, int(seconds))
    if s < 60:
        return f"{s} s"
    minutes, hours, days = s // 60, s // 3600, s // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def moment(value: datetime | float | None) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value


@register.filter
def when(value: datetime | float | None) -> str | SafeString:
    """How long ago, or how far ahead, with the whole time at hand; scripts keep it true."""
    at = moment(value)
    if at is None:
        return _("never")
    ahead = (at - now()).total_seconds()
    if ahead > 1:
        said = _("in %(age)s") % {"age": age(ahead)}
    else:
        said = _("just now") if ahead > -2 else _("%(age)s ago") % {"age": age(-ahead)}
    return format_html('<time datetime="{}" title="{}" data-when>{}</time>', _stamp(at), full(at), said)


@register.filter
def at(value: datetime | float | None) -> str | SafeString:
    """The day and the time."""
    found = moment(value)
    if found is None:
        return _("never")
    said = full(found)
    return format_html('<time datetime="{}" title="{}" data-at>{}</time>', _stamp(found), said, said)


@register.filter
def short(value: datetime | float | None) -> str | SafeString:
    """The day and the time where many stand together; the whole of it is at hand."""
    found = moment(value)
    if found is None:
        return _("never")
    said = date_format(timezone.localtime(found), "j M, H:i")
    return format_html('<time datetime="{}" title="{}" data-short>{}</time>', _stamp(found), full(found), said)


def full(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


@register.filter
def reading(value: float | None, server: dict[str, Any]) -> str:
    """A percentage while it still describes the machine; what is silent shows no number."""
    if value is None or server["reach"] == "down":
        return _("no data")
    return percent(value, 1)


@register.filter
def lasting(seconds: float | None) -> str:
    """A time that passed, in words."""
    return _("unknown") if seconds is None else age(seconds)


@register.filter
def share(value: float | None, digits: int = 0) -> str:
    """A part of one as per cent; a dash for what cannot be told."""
    return "—" if value is None else percent(100 * value, digits)


@register.filter
def percent(value: float, digits: int | str = "-1") -> str:
    """With its sign, which no line begins with; digits as of `floatformat`."""
    return f"{floatformat(value, digits)}\u00a0%"


@register.filter
def size(value: float | None) -> str:
    """Bytes as people read them."""
    if value is None:
        return _("unknown")
    amount, units = float(value), ["B", "kB", "MB", "GB", "TB", "PB"]
    while amount >= 999.5 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    places = 0 if amount >= 100 or units[0] == "B" else 1 if amount >= 10 else 2
    return f"{rounded(amount, places)}\u00a0{units[0]}"


@register.simple_tag
def server_state(server: dict[str, Any]) -> SafeString:
    """Colour, shape and word of a server, as the islands show it."""
    tone, word = face(server)
    return format_html('<span class="pill {}"><i class="shape" aria-hidden="true"></i>{}</span>', tone, word)


def face(server: dict[str, Any]) -> tuple[str, str]:
    """Silence comes before health: who says nothing is not healthy."""
    if found := QUIET.get(server["reach"]):
        return found[0], _(found[1])
    if server["health"] == "critical":
        return "crit", _("Critical")
    if server["reach"] == "late":
        return "warn", _("Late")
    return ("warn", _("Degraded")) if server["health"] == "warn" else ("ok", _("Healthy"))
