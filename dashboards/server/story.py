"""The banner of one server: what is wrong or silenced now, the evidence in words, and what to do about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from alerts.models import Alert, Silence
from alerts.services import said, silences
from core import selector
from dashboards.alerting.sentences import subject
from dashboards.anomalies.cause import cause
from metrics.store import shown
from ml.models import Episode
from ml.services import said as said_of
from ml.services import usual
from servers.models import Server

Shown = dict[str, Any]
MOST = 5
LEARNT, SCORE = "anomaly", "anomaly_score"


def story(person: Any, server: Server, at: datetime) -> Shown:
    told = troubles(person, server)
    if not any(one["kind"] == LEARNT for one in told):
        told += unusual(person, server)
    return {"troubles": told, "silences": hushed(person, server, at)}


def troubles(person: Any, server: Server) -> list[Shown]:
    """One for each open alert, the worst first, with its rule's advice."""
    mine = Alert.objects.visible_to(person).open().filter(server=server).exclude(state="pending")
    rows = mine.select_related("rule", "series", "incident", "server").order_by("severity", "since")[:MOST]
    return [_trouble(row) for row in rows]


def _trouble(row: Alert) -> Shown:
    metric = row.series.metric
    return {
        "rule": row.rule.name,
        "what": subject(row.rule, metric, row.labels),
        "metric": metric,
        "severity": row.severity,
        "since": row.since / 1000,
        "value": shown(metric, row.value),
        "limit": shown(metric, row.limit),
        "side": row.rule.op,
        "kind": row.rule.kind,
        "todo": said.todo(row.rule, metric, row.labels),
        "incident": str(row.incident.uuid) if row.incident else "",
        "title": _title(row),
    }


def _title(row: Alert) -> str:
    """Of an alarm of the models: why, in words."""
    if row.rule.kind == LEARNT and (words := said_of.of_server(row.server_id)):
        return words.rstrip(".")
    return said.alone(row.rule.name, row.server.name)[0]  # its incident may be about many servers


def unusual(person: Any, server: Server) -> list[Shown]:
    """What is unusual now, though no rule tells anybody: in words, with what it began with."""
    row = Episode.objects.visible_to(person).open().filter(server=server).first()
    if row is None or server.paused:
        return []
    return [
        {
            "rule": _("Unusual"), "what": _("Anomaly score"), "metric": SCORE, "severity": "warn",
            "since": row.began_at.timestamp(), "value": shown(SCORE, row.peak), "limit": shown(SCORE, 1.0),
            "side": "above", "kind": LEARNT, "todo": "", "incident": "",
            "title": explained(person, server, row).rstrip("."),
        }
    ]  # fmt: skip


def explained(person: Any, server: Server, row: Episode) -> str:
    began_with = "" if row.silent else cause(person, server, row.began_at)
    top = [] if row.silent else row.top
    return said_of.sentence(top, at=row.began_at, cause=began_with, hourly=server.pk in usual.hourly([server.pk]))


def hushed(person: Any, server: Server, at: datetime) -> list[Shown]:
    """The silences whose time is now and that mean this server."""
    words = server.words()
    standing = Silence.objects.visible_to(person).standing(at).filter(team=server.team_id, starts_at__lte=at)
    found = []
    for row in standing.select_related("rule", "owner"):
        try:
            window = silences.times(row).at(at)
            hit = window is not None and selector.parse(row.selector).matches(words)
        except ValueError:
            continue  # it mutes nothing, and the list of silences says so
        if hit and window:
            found.append(
                {
                    "id": str(row.uuid), "reason": row.reason, "until": window[1].timestamp(),
                    "owner": str(row.owner or ""), "rule": row.rule.name if row.rule else "",
                }
            )  # fmt: skip
    return found[:MOST]
