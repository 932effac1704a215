"""Words of pages about people: roles, scopes, and whether a time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiToken, Membership
from accounts.role_names import NAMES
from core.clock import now

register = template.Library()
RESOURCES = {
    "reports": gettext_lazy("Reports"),
    "servers": gettext_lazy("Servers"), "series": gettext_lazy("Numbers of servers"),
    "live": gettext_lazy("Live messages"), "rules": gettext_lazy("Alert rules"), "channels": gettext_lazy("Channels"),
    "incidents": gettext_lazy("Incidents"), "notices": gettext_lazy("Record"),
    "metrics": gettext_lazy("Watchkeeper's own numbers"), "chains": gettext_lazy("Chains"),
    "schedules": gettext_lazy("On-call schedules"), "people": gettext_lazy("People"),
    "silences": gettext_lazy("Silences"), "limits": gettext_lazy("Who must wait"), "teams": gettext_lazy("Teams"),
    "tokens": gettext_lazy("Tokens"), "audit": gettext_lazy("Audit trail"),
    "search": gettext_lazy("Search"), "views": gettext_lazy("Saved views"),
    "checks": gettext_lazy("Checks"), "anomalies": gettext_lazy("Anomalies"), "models": gettext_lazy("Models"),
    "forecasts": gettext_lazy("Forecasts"),
}  # fmt: skip


@register.filter
def role_name(member: Membership) -> Any:
    return NAMES[member.role]


@register.filter
def resource_name(name: str) -> Any:
    return RESOURCES.get(name, name.capitalize())


@register.filter
def scopes_of(token: ApiToken) -> str:
    """`Servers, Alert rules (writes)`"""
    if "all" in token.scopes:
        return _("Everything I may do")
    writes = {scope.partition(":")[0] for scope in token.scopes if scope.endswith(":write")}
    names = dict.fromkeys(scope.partition(":")[0] for scope in token.scopes)
    return ", ".join(
        _("%(what)s (writes)") % {"what": resource_name(name)} if name in writes else str(resource_name(name))
        for name in names
    )


@register.simple_tag
def here_only(address: str) -> bool:
    """Whether a link leads to this machine and so is of no use to anybody who sits at another."""
    host = (urlsplit(address).hostname or "") if "://" in address else ""
    return host in {"localhost", "::1"} or host.startswith("127.")


@register.filter
def is_over(at: datetime) -> bool:
    return at <= now()
