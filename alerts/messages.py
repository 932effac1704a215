"""A notice as a message: one sentence, the facts, the link."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from django.conf import settings

from alerts.channels.base import Message
from alerts.engine import CRITICAL, NAMES, WARN
from alerts.models import Alert, Channel, Delivery, Incident
from metrics.store import quantity, spoken


def severity_name(level: int) -> str:
    return NAMES[level]


def severity_level(name: str) -> int:
    return {"warn": WARN, "critical": CRITICAL}.get(name, 0)


def sentence(alert: Alert, value: float, limit: float) -> str:
    """What is wrong, on what, how much: `web-1: CPU used is 97.1 %, above 95 %.`"""
    metric = alert.series.metric
    what = spoken(metric, alert.labels)
    return f"{alert.server.name}: {what} is {quantity(metric, value)}, {alert.rule.op} {quantity(metric, limit)}."


def good_sentence(alert: Alert, value: float) -> str:
    metric = alert.series.metric
    what = spoken(metric, alert.labels)
    return f"{alert.server.name}: {what} is well again at {quantity(metric, value)}."


def link(incident: Incident) -> str:
    return f"{settings.SITE_URL}/incidents/{incident.uuid}/"


def compose(delivery: Delivery) -> Message:
    """The message of a delivery; the same at every try, but for the members."""
    notice = delivery.notice
    incident = notice.incident
    alert = notice.alert
    members = list(incident.alerts.select_related("rule", "server", "series"))
    subject = alert or (members[0] if members else None)
    facts = notice.facts
    return Message(
        event=notice.kind,
        key=delivery.key,
        incident=str(incident.uuid),
        severity=facts.get("severity", incident.severity),
        rule=subject.rule.name if subject else "",
        server=_server(subject),
        metric=subject.series.metric if subject else "",
        labels=subject.labels if subject else {},
        value=facts.get("value"),
        limit=facts.get("limit"),
        since=(subject.since / 1000) if subject else incident.opened_at.timestamp(),
        at=notice.at.timestamp(),
        summary=notice.text,
        url=link(incident),
        members=[_member(one) for one in members],
    )


def _server(alert: Alert | None) -> dict[str, Any]:
    if alert is None:
        return {}
    return {"id": str(alert.server.uuid), "name": alert.server.name, "tags": alert.server.tags}


def _member(alert: Alert) -> dict[str, Any]:
    return {
        "server": _server(alert),
        "rule": alert.rule.name,
        "metric": alert.series.metric,
        "labels": alert.labels,
        "severity": alert.severity,
        "state": "resolved" if alert.resolved_at else "firing",
        "value": alert.value,
    }


def test_message(channel: Channel) -> Message:
    """What a channel's test sends: the same form, about nothing."""
    at = time.time()
    return Message(
        event="test",
        key=str(uuid4()),
        incident="",
        severity="warn",
        rule="",
        server={},
        metric="",
        labels={},
        value=None,
        limit=None,
        since=at,
        at=at,
        summary=f"Test of the channel {channel.name}. Nothing is wrong.",
        url=settings.SITE_URL,
        members=[],
    )
