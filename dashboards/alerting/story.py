"""The timeline of an incident: what happened, each step of its chain, and what became of every message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from accounts.models import User
from alerts.models import Channel, Delivery, Incident, Notice, Schedule, Step
from alerts.services import said
from dashboards.alerting.hushed import why
from dashboards.alerting.incidents import Shown, seconds

SHOWN = 300
FOLDED = 20
NAMED = ("person", "schedule", "channel")


def timeline(row: Incident) -> list[Shown]:
    """In the order of time. What was told in one message stands under that message."""
    notices = list(
        row.seen_notices()
        .select_related("by", "incident", "alert__server", "alert__rule", "alert__series")
        .prefetch_related("deliveries__channel__owner", "deliveries__person", "deliveries__instead_of__channel")
        .order_by("-at", "-pk")[:SHOWN]
    )
    shown = {notice.pk for notice in notices}
    folded: dict[int, list[Notice]] = {}
    for notice in reversed(notices):
        if notice.told_in_id in shown and notice.told_in_id != notice.pk:
            folded.setdefault(notice.told_in_id or 0, []).append(notice)
    inner = {notice.pk for group in folded.values() for notice in group}
    entries = [_told(notice, folded.get(notice.pk, [])) for notice in notices if notice.pk not in inner]
    steps = list(row.steps.order_by("due_at")[:SHOWN])
    names = _names(steps)
    entries += [_step(step, names) for step in steps]
    return sorted(entries, key=lambda entry: entry["at"])


def _told(notice: Notice, tells: list[Notice]) -> Shown:
    return {
        "at": notice.at.timestamp(),
        "kind": notice.kind,
        "text": said.again(notice),
        "by": str(notice.by) if notice.by else "",
        "held": why(notice.held or str(notice.facts.get("was_held", ""))),
        "state": notice.state,
        "told": seconds(notice.told_at),
        "tells": [{"at": one.at.timestamp(), "text": said.again(one), "kind": one.kind} for one in tells[:FOLDED]],
        "more": max(0, len(tells) - FOLDED),
        "deliveries": deliveries(notice.deliveries.all()),
    }


def deliveries(rows: Iterable[Delivery]) -> list[Shown]:
    return [_delivery(row) for row in sorted(rows, key=lambda row: (row.sent_at or row.due_at, row.pk))]


def _delivery(row: Delivery) -> Shown:
    # The address of a person's own channel is theirs: colleagues see who was told, not the telephone number.
    to = row.whom if row.channel.own else row.recipient
    return {
        "channel": row.channel.name,
        "kind": row.channel.kind,
        "to": to,
        "state": row.state,
        "attempts": row.attempts,
        "due": row.due_at.timestamp(),
        "sent": seconds(row.sent_at),
        "answer": row.answer,
        "error": row.error,
        "instead": row.instead_of.channel.name if row.instead_of else "",
    }


def _names(steps: Iterable[Step]) -> dict[str, str]:
    """What the ids in the steps stand for: people, schedules and channels."""
    ids = {kind: [step.args[kind] for step in steps if kind in step.args] for kind in NAMED}
    rows: list[Any] = list(User.objects.filter(uuid__in=ids["person"]))
    rows += Schedule.objects.filter(uuid__in=ids["schedule"])
    rows += Channel.objects.filter(uuid__in=ids["channel"])
    return {str(row.uuid): str(row) for row in rows}


def _step(row: Step, names: dict[str, str]) -> Shown:
    whom = [names.get(str(row.args[kind]), "") for kind in NAMED if kind in row.args]
    return {
        "at": (row.done_at or row.due_at).timestamp(),
        "kind": "step",
        "step": row.kind,
        "args": {**_plain(row.args), "name": "".join(whom)},
        "chain": row.chain,
        "place": row.place + 1,
        "due": row.due_at.timestamp(),
        "done": seconds(row.done_at),
        "text": said.translated(row.result),
    }


def _plain(args: Any) -> Shown:
    """Only what a sentence needs: numbers."""
    return {key: value for key, value in dict(args).items() if isinstance(value, int | float | bool)}
