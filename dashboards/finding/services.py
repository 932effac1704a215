"""What a few letters may mean: what this person may see of servers, checks, incidents, rules and pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.base import MANAGE, narrow
from accounts.models import Team, User
from alerts.models import Alert, Incident, Rule
from alerts.services import said
from checks.models import Check
from servers.models import Server

LONGEST = 100
WORDS = 5
SERVERS, OTHERS = 8, 5


@dataclass(frozen=True)
class Found:
    """One line of the answer."""

    kind: str
    name: str
    hint: str
    url: str
    id: str = ""
    tone: str = ""


def find(user: User, text: str) -> dict[str, Any]:
    """The best of each kind, and whether there was more."""
    words = text.strip()[:LONGEST].split()[:WORDS]
    servers, more = _servers(user, words)
    found = [*_pages(user, words), *servers, *_checks(user, words), *_incidents(user, words), *_rules(user, words)]
    return {"found": [asdict(one) for one in found], "more": more}


def servers(user: User, words: list[str]) -> QuerySet[Server]:
    """Those that have every word in their name or in what is said of them; names that begin so come first."""
    fields = ("name", "hostname", "role", "site", "os", "said")
    rows = Server.objects.visible_to(user).annotate(said=Cast("tags", TextField()))
    return rows.filter(_any(words, fields)).order_by(_rank(words, "name"), "name", "pk")


def incidents(user: User, words: list[str]) -> QuerySet[Incident]:
    """Open ones first, then the newest; a number is its short name."""
    rows = Incident.objects.visible_to(user)
    number = words[0].lstrip("#") if len(words) == 1 else ""
    wanted = _called(user, words)
    if number.isdecimal() and len(number) < 9:
        wanted |= Q(pk=int(number))
    open_first = Case(When(resolved_at=None, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.filter(wanted).order_by(open_first, "-opened_at") if words else rows.open().order_by("-opened_at")


def _called(user: User, words: list[str]) -> Q:
    """By the title; what holds more than they may see is called by their part of it, and so it is found."""
    titled = _any(words, ("title",))
    if not narrow.concerns(user):
        return titled
    alerts, seen = Alert.objects.exclude(incident=None), Alert.objects.visible_to(user)
    mixed = alerts.exclude(pk__in=seen.values("pk")).values("incident")
    part = seen.exclude(incident=None).filter(_any(words, ("rule__name", "server__name"))).values("incident")
    return (titled & ~Q(pk__in=mixed)) | Q(pk__in=part) & Q(pk__in=mixed)


def _servers(user: User, words: list[str]) -> tuple[list[Found], bool]:
    if not words:
        return [], False
    rows = list(servers(user, words)[: SERVERS + 1])
    return [_server(row) for row in rows[:SERVERS]], len(rows) > SERVERS


def _server(row: Server) -> Found:
    hint = " · ".join(filter(None, (row.role, row.site, row.os)))
    return Found("server", row.name, hint, f"/servers/{row.uuid}/", str(row.uuid))


def checks(user: User, words: list[str]) -> QuerySet[Check]:
    """Those that have every word in their name or in what they look at; none without a word."""
    rows = Check.objects.visible_to(user) if words else Check.objects.none()
    return rows.filter(_any(words, ("name", "target"))).order_by(_rank(words, "name"), "name", "pk")


def _checks(user: User, words: list[str]) -> list[Found]:
    return [
        Found("check", row.name, row.target[:120], f"/checks/{row.uuid}/", str(row.uuid))
        for row in checks(user, words)[:OTHERS]
    ]


def _incidents(user: User, words: list[str]) -> list[Found]:
    return [
        Found("incident", said.title(row), _("Resolved") if row.resolved_at else pgettext("state", "Open"),
              f"/incidents/{row.uuid}/", str(row.uuid),
              "" if row.resolved_at else "crit" if row.severity == "critical" else "warn")
        for row in incidents(user, words)[:OTHERS]
    ]  # fmt: skip


def rules(user: User, words: list[str]) -> QuerySet[Rule]:
    """Those whose name has every word; none without a word."""
    rows = Rule.objects.visible_to(user).select_related("team") if words else Rule.objects.none()
    return rows.filter(_any(words, ("name",))).order_by(_rank(words, "name"), "name", "pk")


def _rules(user: User, words: list[str]) -> list[Found]:
    return [
        Found("rule", row.name, row.team.name, f"/rules/{row.uuid}/edit/", str(row.uuid))
        for row in rules(user, words)[:OTHERS]
    ]


def pages(user: User) -> list[tuple[str, str]]:
    """The addresses that this person may use, as the navigation names them."""
    found = [
        (_("Fleet"), "/"), (_("Alerts"), "/alerts/"), (_("On call"), "/on-call/"), (_("Alert rules"), "/rules/"),
        (_("Silences"), "/silences/"), (_("Checks"), "/checks/"), (_("Reports"), "/reports/"),
        (_("Channels"), "/channels/"), (_("Record"), "/record/"),
        (_("Teams"), "/teams/"), (_("My profile"), "/me/"), (_("My notifications"), "/me/notifications/"),
        (_("API tokens"), "/me/tokens/"), (_("First steps"), "/welcome/"),
    ]  # fmt: skip
    if Team.objects.visible_to(user, MANAGE).exists():
        found += [
            (_("Add server"), "/servers/add/"), (_("New rule"), "/rules/new/"), (_("Settings"), "/settings/"),
            (_("Health of Watchkeeper"), "/settings/health/"),
        ]  # fmt: skip
    return [*found, (_("Admin"), "/admin/")] if user.is_staff else found


def _pages(user: User, words: list[str]) -> list[Found]:
    def fits(name: str) -> bool:
        return all(word.casefold() in name.casefold() for word in words)

    return [Found("page", name, "", url) for name, url in pages(user) if fits(name)]


def _any(words: Iterable[str], fields: tuple[str, ...]) -> Q:
    """Every word stands in one of the fields."""
    each = (reduce(or_, (Q(**{f"{field}__icontains": word}) for field in fields)) for word in words)
    return reduce(and_, each, Q())


def _rank(words: list[str], field: str) -> Case:
    """What is so called, then what begins so, then what has it in its name, then the rest."""
    text = " ".join(words)
    ways = ("iexact", "istartswith", "icontains") if text else ()
    cases = [When(**{f"{field}__{way}": text}, then=Value(rank)) for rank, way in enumerate(ways)]
    return Case(*cases, default=Value(3), output_field=IntegerField())
