"""The pages on which alerts are set up: each gives its island the first data; changes go through the API."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.auth import me
from accounts.base import ACT, MANAGE, narrow
from accounts.models import Team
from alerts.models import Alert, Chain, Channel, Preference, Rule, Schedule, Silence, Way
from core import selector
from core.clock import now
from dashboards.alerting import shown, tried
from dashboards.alerting.incidents import Shown
from dashboards.alerting.incidents import seconds as _seconds
from dashboards.alerting.sentences import sentence
from dashboards.alerting.versions import versions
from dashboards.views import may, sequences, show
from ml.services import gate
from servers.models import Server

PAGE = "dashboards/setup.html"
ENDED_SHOWN = 20
NAMES_SHOWN = 500


def setup(request: HttpRequest, page: str, title: str, props: dict[str, Any]) -> HttpResponse:
    common = {"now": now().timestamp(), "seq": sequences(request, "incidents")}
    common |= {"acts": may(request, ACT), "manages": may(request, MANAGE)}
    return show(request, PAGE, page, {**common, **props}, page_title=title)


def _targets(request: HttpRequest) -> list[Shown]:
    channels = Channel.objects.visible_to(request.user).of_teams().select_related("team").order_by("name")
    chains = Chain.objects.visible_to(request.user).select_related("team").order_by("name")
    return shown.targets(channels, chains, shown.people(Team.objects.visible_to(request.user)))


@login_required
@require_GET
def rules(request: HttpRequest) -> HttpResponse:
    """Every rule as a sentence, with its switch, its fault and when it fired last."""
    rows = list(Rule.objects.visible_to(request.user).standing().select_related("team").order_by("name", "pk"))
    names = {one["id"]: one["name"] for one in _targets(request)}
    rule_names = {str(row.uuid): row.name for row in rows}
    fired = {
        rule: (last, count)
        for rule, last, count in Alert.objects.visible_to(request.user)
        .exclude(state="pending")
        .order_by()
        .values_list("rule")
        .annotate(last=Max("since"), open=Count("pk", filter=Q(resolved_at=None)))
    }
    manages = may(request, MANAGE)
    whole = not narrow.concerns(request.user)  # else it may have fired on what is not theirs to see
    listed = [_listed(row, sentence(row, names, rule_names), fired.get(row.pk), manages, whole) for row in rows]
    found = [one for one in listed if _wanted(one, request)]
    context = {
        "rules": found, "all": len(rows), "faults": sum(bool(row.fault) for row in rows),
        "may_manage": bool(manages), "q": request.GET.get("q", ""), "state": request.GET.get("state", ""),
    }  # fmt: skip
    return show(request, "dashboards/rules.html", "rules", {}, **context)


def _listed(row: Rule, said: str, fired: tuple[int, int] | None, manages: list[str], whole: bool) -> dict[str, Any]:
    last, count = fired or (None, 0)
    ago = now().timestamp() - last / 1000 if last else None
    return {
        "row": row, "sentence": said, "open": count, "last": last and _time(last), "ago": ago and _ago(ago),
        "manage": row.team.name in manages, "whole": whole,
    }  # fmt: skip


def _wanted(one: dict[str, Any], request: HttpRequest) -> bool:
    """Whether the list was asked for this rule: by words of its name or sentence, and by how it does."""
    row, words = one["row"], request.GET.get("q", "").lower().split()
    text = f"{row.name} {one['sentence']} {row.team.name}".lower()
    states = {"firing": one["open"] > 0, "fault": bool(row.fault), "off": not row.enabled, "on": row.enabled}
    return all(word in text for word in words) and states.get(request.GET.get("state", ""), True)


def _time(milliseconds: int) -> Any:
    return now() - timedelta(seconds=now().timestamp() - milliseconds / 1000)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return _("%(age)s ago") % {"age": f"{int(seconds // size)} {unit}"}
    return _("just now")


@login_required
@require_GET
def edit_rule(request: HttpRequest, uuid: str | None = None) -> HttpResponse:
    row = None
    if uuid:
        mine = Rule.objects.visible_to(request.user).standing().select_related("team")
        row = mine.filter(uuid=uuid).first()
        if row is None:
            raise Http404
    elif not me(request).may(MANAGE):
        raise PermissionDenied
    others = Rule.objects.visible_to(request.user).standing().exclude(kind="composite").order_by("name")
    servers = Server.objects.visible_to(request.user).filter(internal=False).order_by("name")
    named = servers.values_list("name", "tags", "role", "site")
    props = {
        "rule": shown.rule(row) if row else None,
        "fault": row.fault if row else "",
        "metrics": shown.metrics(),
        "targets": _targets(request),
        "rules": [{"id": str(one.uuid), "name": one.name} for one in others if one != row],
        "suggest": selectors(list(named[:NAMES_SHOWN])),
        "start": {key: request.GET.get(key, "") for key in ("metric", "selector")},
        "versions": versions(row) if row else [],
        "hushed": _hushed(request, row) if row else [],
        "gate": _gate(request, row),
    }
    return setup(request, "rule", row.name if row else _("New rule"), props)


def _gate(request: HttpRequest, row: Rule | None) -> str:
    """Whether what is learnt may page somebody: said where a rule of it is switched on."""
    rows = Server.objects.visible_to(request.user).filter(internal=False)
    if row is not None:
        rows = rows.filter(team=row.team_id)
        with suppress(selector.Unreadable):
            wanted = selector.parse(row.selector)
            return gate.gate([one.pk for one in rows if wanted.matches(one.words())]).sentence()
    return gate.gate(rows.values_list("pk", flat=True)).sentence()


def _hushed(request: HttpRequest, row: Rule) -> list[Shown]:
    """The silences of this rule alone that stand: such as its first days, in which it only writes down."""
    mine = Silence.objects.visible_to(request.user).filter(rule=row).standing(now()).order_by("ends_at")
    return [{"id": str(one.uuid), "reason": one.reason, "ends": _seconds(one.ends_at)} for one in mine]


@login_required
@require_GET
def rule_file(request: HttpRequest) -> HttpResponse:
    """The rules of a team as a file, and a file as the rules of a team."""
    teams = Team.objects.visible_to(request.user).order_by("pk").values_list("name", flat=True)
    return setup(request, "rulefile", _("Rules as a file"), {"teams": list(teams)})


def selectors(rows: list[tuple[str, list[str], str, str]]) -> list[str]:
    """What may stand after "on": the tags, roles and sites there are, then single servers."""
    tags = sorted({f"tag:{tag}" for _name, tags, _role, _site in rows for tag in tags})
    roles = sorted({f"role:{role}" for _name, _tags, role, _site in rows if role})
    sites = sorted({f"site:{site}" for *_rest, site in rows if site})
    words = [*tags, *roles, *sites, *(f"name:{name}" for name, *_rest in rows)]
    return [word if " " not in word else '{}:"{}"'.format(*word.split(":", 1)) for word in words]


@login_required
@require_GET
def channels(request: HttpRequest) -> HttpResponse:
    rows = Channel.objects.visible_to(request.user).of_teams().select_related("team", "fallback").order_by("name")
    props = {"channels": _channels(request, list(rows)), "languages": _languages()}
    return setup(request, "channels", _("Channels"), props)


def _channels(request: HttpRequest, rows: list[Channel]) -> list[Shown]:
    keys = [row.pk for row in rows]
    dead, last = tried.failed(keys), tried.last(keys)
    found = [shown.channel(row, dead.get(row.pk, 0), last.get(row.pk)) for row in rows]
    manages = may(request, MANAGE)
    return [
        one if not row.team or row.team.name in manages else shown.discreet(one)
        for row, one in zip(rows, found, strict=True)
    ]


def _languages() -> list[list[str]]:
    return [[code, str(name)] for code, name in settings.LANGUAGES]


@login_required
@require_GET
def silences(request: HttpRequest) -> HttpResponse:
    mine = Silence.objects.visible_to(request.user).select_related("team", "rule", "owner")
    standing = list(mine.standing(now()).order_by("starts_at"))
    over = list(mine.exclude(pk__in=[row.pk for row in standing]).order_by("-ends_at")[:ENDED_SHOWN])
    rules = Rule.objects.visible_to(request.user).standing().select_related("team").order_by("name")
    servers = Server.objects.visible_to(request.user).filter(internal=False).order_by("name")
    named = servers.values_list("name", "tags", "role", "site")
    props = {
        "silences": [shown.silence(row, now()) for row in [*standing, *over]],
        "rules": _named(list(rules)),
        "zones": zones(),
        "suggest": selectors(list(named[:NAMES_SHOWN])),
        "start": {key: request.GET.get(key, "") for key in ("selector", "rule")},
    }
    return setup(request, "silences", _("Silences"), props)


def _named(rules: list[Rule]) -> list[Shown]:
    """Two teams may each have a rule of the same name: the team tells them apart."""
    several = len({one.team_id for one in rules}) > 1
    return [{"id": str(one.uuid), "name": f"{one.name} ({one.team.name})" if several else one.name} for one in rules]


def zones() -> list[str]:
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))]


@login_required
@require_GET
def on_call(request: HttpRequest) -> HttpResponse:
    chains = Chain.objects.visible_to(request.user).select_related("team").order_by("name")
    plans = Schedule.objects.visible_to(request.user).select_related("team", "fallback").order_by("name")
    plans = plans.prefetch_related("rotations", "overrides__user")
    props = {
        "chains": [shown.chain(row) for row in chains],
        "schedules": [shown.schedule(row) for row in plans],
        "targets": _targets(request),
        "zones": zones(),
        "me": str(me(request).uuid),
    }
    return setup(request, "oncall", _("On call"), props)


@login_required
@require_GET
def my_notifications(request: HttpRequest) -> HttpResponse:
    own = Channel.objects.visible_to(request.user).filter(owner=request.user.pk).select_related("team", "fallback")
    ways = Way.objects.visible_to(request.user).select_related("channel")
    props = {
        "preference": shown.preference(me(request), Preference.objects.visible_to(request.user).first()),
        "ways": [shown.way(row) for row in ways],
        "channels": _channels(request, list(own.order_by("name"))),
        "languages": _languages(),
        "zones": zones(),
        "email": me(request).email,
        "mails": bool(settings.EMAIL_HOST),
    }
    return setup(request, "me", _("My notifications"), props)
