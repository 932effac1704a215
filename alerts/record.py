"""The record: what was said to whom and what came of it, as a timeline and as lines of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

from django.db.models import QuerySet

from alerts import quiet
from alerts.models import Delivery, Incident, Notice, Preference, Step

MOST = 20_000  # notices in one file; the rest by `from` and `to`
SHOWN = 1000
WAITS, WAITED = "waits for the end of quiet hours", "waited for the end of quiet hours"
COLUMNS = (
    "at", "incident", "title", "kind", "state", "reason", "server", "rule", "severity", "value", "limit", "text",
    "by", "channel", "to", "delivery", "attempts", "due", "sent", "answer", "error",
)  # fmt: skip

Row = dict[str, Any]


def told(notices: QuerySet[Notice]) -> QuerySet[Notice]:
    """With all that a line needs, in a handful of queries."""
    whole = notices.select_related("incident", "by", "alert__server", "alert__rule", "alert__series", "told_in")
    return whole.prefetch_related("deliveries__channel__owner", "deliveries__person")


def recipient(delivery: Delivery) -> str:
    """Colleagues see who was told over a person's own channel, not that person's address."""
    return delivery.whom if delivery.channel.own else delivery.recipient


def delivered(delivery: Delivery) -> Row:
    own = delivery.channel.own
    return {
        "id": str(delivery.uuid),
        "channel": None if own else str(delivery.channel.uuid),
        "name": delivery.channel.kind if own else delivery.channel.name,
        "to": recipient(delivery),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at,
        "sent_at": delivery.sent_at,
        "answer": delivery.answer,
        "error": delivery.error,
    }


def timeline(incident: Incident) -> list[Row]:
    """Every event, message, step and delivery with its times, in their order."""
    entries: list[Row] = []
    rests: dict[int, quiet.Hours] = {}
    for notice in reversed(told(incident.seen_notices().order_by("-pk"))[:SHOWN]):
        entries.append(_said(notice))
        entries += [
            _sent(notice, delivery, _waited(incident, notice, delivery, rests))
            for delivery in notice.deliveries.all()
        ]
    entries += [_step(step) for step in incident.steps.order_by("due_at", "pk")[:SHOWN]]
    return sorted(entries, key=lambda entry: entry["at"])


def _said(notice: Notice) -> Row:
    return {
        "at": notice.at, "entry": "notice", "kind": notice.kind, "text": notice.text, "state": notice.state,
        "result": notice.held, "by": str(notice.by) if notice.by else "", "due_at": None, "done_at": notice.told_at,
        "notice": str(notice.uuid), "told_in": str(notice.told_in.uuid) if notice.told_in else None,
        "told_at": notice.told_at, "held": notice.held or notice.facts.get("was_held", ""),
    }  # fmt: skip


def _sent(notice: Notice, delivery: Delivery, held: str) -> Row:
    shown = delivered(delivery)
    return {
        "at": delivery.sent_at or max(delivery.due_at, notice.at), "entry": "delivery", "kind": notice.kind,
        "text": f"{shown['name']} {shown['to']}".strip(), "state": delivery.state,
        "result": delivery.error or delivery.answer, "by": "", "due_at": delivery.due_at,
        "done_at": delivery.sent_at, "notice": str(notice.uuid), "told_in": None, "told_at": delivery.sent_at,
        "held": held,
    }  # fmt: skip


def _waited(incident: Incident, notice: Notice, delivery: Delivery, rests: dict[int, quiet.Hours]) -> str:
    """Said where its person's quiet hours, as they are now, end between the news and the time it was due."""
    person, told = delivery.person_id, notice.told_at or notice.at
    if person is None or delivery.due_at <= told:
        return ""
    if person not in rests:
        chosen = Preference.objects.select_related("user").filter(user=person).first()
        rests[person] = (chosen or Preference()).hours()
    severity = notice.facts.get("severity") or incident.severity
    just = delivery.due_at - timedelta(seconds=1)
    ended = told < quiet.earliest(rests[person], told, severity) <= delivery.due_at
    if not ended and quiet.earliest(rests[person], just, severity) != delivery.due_at:
        return ""
    return WAITS if delivery.state == "waiting" else WAITED


def _step(step: Step) -> Row:
    return {
        "at": step.done_at or step.due_at, "entry": "step", "kind": step.kind, "text": step.chain,
        "state": "done" if step.done_at else "due", "result": step.result, "by": "", "due_at": step.due_at,
        "done_at": step.done_at, "notice": None, "told_in": None, "told_at": None, "held": "",
    }  # fmt: skip


def as_csv(notices: QuerySet[Notice]) -> str:
    """One line a delivery; a notice that was sent to nobody has a line of its own."""
    out = StringIO()
    table = csv.DictWriter(out, COLUMNS, restval="")
    table.writeheader()
    for notice in told(notices)[:MOST]:
        for line in _lines(notice):
            table.writerow({name: _cell(value) for name, value in line.items()})
    return out.getvalue()


def _lines(notice: Notice) -> Iterable[Row]:
    facts, alert = notice.facts, notice.alert
    line = {
        "at": notice.at, "incident": notice.incident.uuid, "title": notice.incident.title, "kind": notice.kind,
        "state": notice.state, "reason": notice.held,
        "server": alert.server.name if alert else facts.get("server", ""),
        "rule": alert.rule.name if alert else facts.get("rule", ""),
        "severity": facts.get("severity", ""), "value": facts.get("value"), "limit": facts.get("limit"),
        "text": notice.text, "by": notice.by or "",
    }  # fmt: skip
    deliveries = list(notice.deliveries.all())
    if not deliveries:
        yield line
    for one in deliveries:
        shown = delivered(one)
        yield {
            **line, "channel": shown["name"], "to": shown["to"], "delivery": one.state, "attempts": one.attempts,
            "due": one.due_at, "sent": one.sent_at, "answer": one.answer, "error": one.error,
        }  # fmt: skip


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is kept a text; numbers stay numbers."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.lstrip(" ")[:1] in _FORMULA else text


_FORMULA = {"=", "+", "-", "@", "\t", "\r", "\n", "|", "%"}
