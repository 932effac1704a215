"""What stands around an incident: how far it reaches, who is on it, what may be behind it, how it ended before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q

from accounts.models import User
from alerts.models import Alert, Chain, Channel, Delivery, Incident, Notice, Rule
from alerts.services import said
from core.clock import from_milliseconds, now
from dashboards.alerting.incidents import Shown, beginning, seconds, subject_of
from dashboards.alerting.sentences import named, sentence
from dashboards.told import told
from servers.models import CHECK, Change, Event

BEFORE = timedelta(hours=1)
MOST_CAUSES, MOST_SIMILAR, MOST_NAMES, MOST_SERVERS = 8, 5, 5, 50
MONTH = timedelta(days=30)


def around(row: Incident, user: User) -> Shown:
    """Everything that the page of an incident says beside its own story."""
    servers = list(_alerts(row, user).values_list("server", flat=True).distinct()[:MOST_SERVERS])
    return {
        "reach": reach(row, user),
        "people": people(row),
        "causes": causes(row, servers, user),
        "similar": similar(row, servers, user),
        "by_rule": rule_of(row, user),
    }


def _alerts(row: Incident, user: User) -> Any:
    return Alert.objects.visible_to(user).filter(incident=row).order_by()


def reach(row: Incident, user: User) -> Shown:
    """The servers that are still bad, or were."""
    bad = _alerts(row, user)
    if row.resolved_at is None:
        bad = bad.filter(resolved_at=None)
    rows = set(bad.values_list("server__name", "server__stands_for"))
    names = sorted(name for name, _stands_for in rows)
    found: Shown = {"servers": len(names), "names": names[:MOST_NAMES], "more": max(0, len(names) - MOST_NAMES)}
    return {**found, "checks": True} if rows and all(stands_for == CHECK for _name, stands_for in rows) else found


def people(row: Incident) -> list[Shown]:
    """Who did something about it, and who was told of it by name; each once, by the most they did."""
    found: dict[str, str] = {}
    if row.acknowledged_by:
        found[str(row.acknowledged_by)] = "owner"
    seen = row.seen_notices()
    for notice in seen.exclude(by=None).select_related("by").order_by("at"):
        found.setdefault(str(notice.by), "acted")
    told = Delivery.objects.filter(notice__in=seen.order_by().values("pk"), state="sent").exclude(
        person=None, person_name=""
    )
    for delivery in told.select_related("person", "channel__owner").order_by("sent_at")[:MOST_SERVERS]:
        found.setdefault(delivery.whom, "told")
    return [{"name": name, "part": part} for name, part in found.items()]


def causes(row: Incident, servers: list[int], user: User) -> list[Shown]:
    """What changed or was said on its servers in the hour before it began, the latest first."""
    began = from_milliseconds(round(beginning(row) * 1000))
    near = {"server__in": servers, "at__gte": began - BEFORE, "at__lte": began}
    changes = Change.objects.visible_to(user).filter(**near).select_related("server").order_by("-at")
    events = Event.objects.visible_to(user).filter(**near).select_related("server").order_by("-at")
    found: list[Shown] = [
        {
            "at": one.at.timestamp(), "server": one.server.name, "url": subject_of(one.server)["url"],
            "what": f"{one.section} {one.key}", "before": _short(one.before), "after": _short(one.after), "text": "",
        }
        for one in changes[:MOST_CAUSES]
    ]  # fmt: skip
    found += [
        {
            "at": one.at.timestamp(), "server": one.server.name, "url": subject_of(one.server)["url"],
            "what": one.kind, "before": None, "after": None, "text": told(one.text)[:200],
        }
        for one in events[:MOST_CAUSES]
    ]  # fmt: skip
    return sorted(found, key=lambda one: -float(one["at"]))[:MOST_CAUSES]


def _short(value: Any) -> str | None:
    return None if value is None else str(value)[:60]


def similar(row: Incident, servers: list[int], user: User) -> Shown:
    """Those of the same group, or of the same rule on the same servers: how they ended, by whom, and the notes."""
    same = Q(key=row.key)
    if row.rule_id:
        same |= Q(rule=row.rule_id, pk__in=Alert.objects.filter(server__in=servers).values("incident"))
    past = Incident.objects.visible_to(user).filter(same).exclude(pk=row.pk).exclude(resolved_at=None)
    rows = list(past.order_by("-opened_at")[:MOST_SIMILAR])
    words = _last_words([one.pk for one in rows], user)
    return {
        "month": past.filter(opened_at__gte=now() - MONTH).count(),
        "list": [{**_past(one), **words.get(one.pk, {})} for one in rows],
    }


def _past(row: Incident) -> Shown:
    return {
        "id": str(row.uuid), "title": said.title(row), "url": f"/incidents/{row.uuid}/", "severity": row.severity,
        "since": row.opened_at.timestamp(), "until": seconds(row.resolved_at),
    }  # fmt: skip


def _last_words(keys: list[int], user: User) -> dict[int, Shown]:
    """Who took each, who closed it by hand, and the last note that somebody wrote."""
    found: dict[int, Shown] = {key: {"owner": "", "closed": "", "note": "", "note_by": ""} for key in keys}
    told = Notice.objects.visible_to(user).filter(incident__in=keys, kind__in=("acknowledged", "note", "resolved"))
    for one in told.select_related("by").order_by("at", "pk"):
        mine = found[one.incident_id]
        if one.kind == "note":
            mine |= {"note": one.text, "note_by": str(one.by or "")}
        elif one.kind == "acknowledged":
            mine["owner"] = str(one.by or one.facts.get("name", ""))
        else:
            mine["closed"] = one.facts.get("closed_by", "") or mine["closed"]
    return found


def rule_of(row: Incident, user: User) -> Shown | None:
    """The rule that speaks, in words, and what to do about it, as messages say it."""
    first = row.alerts.select_related("series").order_by("resolved_at", "-pk").first()
    rule = Rule.objects.visible_to(user).filter(pk=row.rule_id or (first.rule_id if first else 0)).first()
    if rule is None:
        return None
    metric, labels = (first.series.metric, first.labels) if first else (rule.metric, rule.labels)
    return {
        "name": rule.name, "url": f"/rules/{rule.uuid}/edit/", "sentence": sentence(rule, _targets(rule)),
        "runbook": said.todo(rule, metric, labels),
    }  # fmt: skip


def _targets(rule: Rule) -> dict[str, str]:
    ids = named(rule.notify)
    rows: list[Any] = [*Channel.objects.filter(uuid__in=ids), *Chain.objects.filter(uuid__in=ids)]
    rows += User.objects.filter(uuid__in=ids)
    return {str(one.uuid): str(one) for one in rows}
