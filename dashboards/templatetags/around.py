"""Template tags of what stands around every page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString

from accounts.base import MANAGE
from accounts.models import Team
from core.clock import now
from dashboards import present
from dashboards import words as said
from dashboards.alerting import around
from dashboards.alerting import incidents as shown_as
from dashboards.finding import services as finding

T = TypeVar("T")
register = template.Library()
FALLBACK = 20
WEEK = timedelta(days=6)  # beyond it the name of a day could be taken for a nearer one


@register.inclusion_tag("partials/own_troubles.html", takes_context=True)
def own_troubles(context: Any) -> dict[str, Any]:
    user = _person(context)
    return {"troubles": around.own_troubles(user) if user else []}


@register.inclusion_tag("partials/duty.html", takes_context=True)
def duty(context: Any) -> dict[str, Any]:
    user, at = _person(context), now()
    until = _once(context, "on_call", lambda: around.on_call_until(user, at) if user else None)
    if until is None:
        return {"until": None}
    today = until.date() == at.astimezone(until.tzinfo).date()
    far, endless = until - at > WEEK, until - at >= around.LONGEST
    return {"until": until, "today": today, "far": far, "endless": endless}


@register.simple_tag(takes_context=True)
def may_manage(context: Any) -> bool:
    """Whether to offer what takes a manager's right in some team."""
    user = _person(context)
    return user is not None and _once(context, "manages", Team.objects.visible_to(user, MANAGE).exists)


def _once(context: Any, name: str, ask: Callable[[], T]) -> T:
    """The navigation stands twice in a page, for wide windows and for phones; a page of an error has no request."""
    request = context.get("request")
    kept: dict[str, T] = request.__dict__.setdefault("_around", {}) if request else {}
    if name not in kept:
        kept[name] = ask()
    return kept[name]


@register.inclusion_tag("partials/fallback.html", takes_context=True)
def fallback(context: Any, servers: int = FALLBACK, title: str = "") -> dict[str, Any]:
    """What a page says where its scripts do not come: its name or the open incidents, and some servers."""
    user = _person(context)
    if user is None:
        return {}
    rows = finding.servers(user, []).select_related("team")[:servers]
    props = context.get("island_props", {})
    known = props.get("incidents")  # most pages have just read them for their island
    if title:
        known = known or ([props["incident"]] if "incident" in props else [])
    if known is None:
        known = shown_as.incidents(list(finding.incidents(user, [])[:FALLBACK]))
    return {
        "title": title,
        "headed": context.get("page") == "me",  # the page itself begins with its name
        "incidents": [one for one in known if one["until"] is None][:FALLBACK],
        "servers": present.servers(list(rows)) if servers else [],
    }


@register.simple_tag
def words(page: str) -> SafeString:
    """The texts that the scripts of this page may have to say."""
    return json_script(said.texts(page), "words")


def _person(context: Any) -> Any:
    user = context.get("user")
    return user if user is not None and user.is_authenticated else None
