"""Planned times of servers: silences of their teams over the whole machine, and when they were paused.

What was changed of a silence counts from the change on: nobody plans an outage that there was already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime

from accounts.models import Audit
from alerts.models import Silence
from alerts.services import silences
from core import selector
from reports import scope
from reports.engine.availability import Window
from reports.engine.spans import Span, Spans, both, joined, without
from reports.scope import Machine

PLANS = ("selector", "rule", "starts_at", "ends_at", "rrule", "duration", "zone")
Facts = Mapping[str, str]


@dataclass(slots=True)
class Version:
    """A silence as it was from `at` on: its times, and the servers that it meant."""

    at: int
    spans: Spans
    meant: set[str] = field(default_factory=set)


def of(machines: Sequence[Machine], start: int, end: int) -> dict[str, list[Window]]:
    """By the server's UUID. A silence of a single rule plans nothing, but for a rule over silence itself."""
    found: dict[str, list[Window]] = defaultdict(list)
    first, last = datetime.fromtimestamp(start / 1000, UTC), datetime.fromtimestamp(end / 1000, UTC)
    rows = Silence.objects.filter(team__in={one.team for one in machines}, created_at__lt=last)
    there = list(rows.exclude(ended_at__lte=first).select_related("rule").order_by("pk"))
    changes = _changes({str(one.uuid) for one in there})
    for silence in there:
        versions = [
            Version(at, spans, {one.uuid for one in _meant(row, machines)})
            for at, row in _versions(silence, changes.get(str(silence.uuid), []))
            for spans in [_spans(row, first, last)]
        ]
        until = _ms(silence.ended_at) if silence.ended_at else end
        for uuid in set().union(*(one.meant for one in versions if one.spans)):
            found[uuid] += [
                Window(one.start, min(one.end, until), one.written)
                for one in planned([(one.at, one.spans if uuid in one.meant else []) for one in versions])
                if one.start < until
            ]
    for uuid, paused in scope.pauses(list(machines), start, end).items():
        found[uuid] += paused
    return found


def planned(versions: Iterable[tuple[int, Spans]]) -> list[Window]:
    """What was planned when, from versions and when each was written; what a change left as it was stays planned."""
    found: list[Window] = []
    for at, spans in versions:
        ahead = joined((max(at, first), last) for first, last in spans)
        known = joined((one.start, one.end) for one in found)
        over = [Window(one.start, min(one.end, at), one.written) for one in found if one.start < at]
        stay = [Window(*span, one.written) for one in found for span in both([_span(one)], ahead)]
        found = [*over, *stay, *(Window(*span, at) for span in without(ahead, known))]
    return found


def _span(window: Window) -> Span:
    return window.start, window.end


def _changes(uuids: set[str]) -> dict[str, list[tuple[int, Facts]]]:
    """By silence: when what it plans was changed, and what of it was otherwise before."""
    found: dict[str, list[tuple[int, Facts]]] = defaultdict(list)
    rows = Audit.objects.filter(action="silence.change").order_by("at", "pk")
    for target, at, before in rows.values_list("target_id", "at", "before").iterator():
        if target in uuids and any(name in before for name in PLANS):
            found[target].append((_ms(at), before))
    return found


def _versions(silence: Silence, changes: list[tuple[int, Facts]]) -> list[tuple[int, Silence]]:
    """As it was made and after each change, the oldest first: told backwards from how it stands."""
    if not changes:
        return [(_ms(silence.created_at), silence)] if _whole(silence) else []
    facts = {name: str(getattr(silence, name) or "") for name in PLANS}
    found: list[tuple[int, Silence]] = []
    for at, before in reversed(changes):
        found.append((at, _as(silence, facts)))
        facts |= {name: before[name] for name in PLANS if name in before}
    return [(_ms(silence.created_at), _as(silence, facts)), *reversed(found)]


def _whole(silence: Silence) -> bool:
    return silence.rule is None or silence.rule.kind == "no_data"


def _as(silence: Silence, facts: Facts) -> Silence:
    """As the trail has it. One over a rule that is another now may have planned nothing, so it did not."""
    row = copy(silence)
    row.selector, row.rrule, row.zone = facts["selector"], facts["rrule"], facts["zone"]
    row.duration = int(facts["duration"] or 0)
    row.starts_at = datetime.fromisoformat(facts["starts_at"])
    row.ends_at = datetime.fromisoformat(facts["ends_at"]) if facts["ends_at"] else None
    plans = not facts["rule"] or (facts["rule"] == str(silence.rule or "") and _whole(silence))
    row.ends_at = row.ends_at if plans else row.starts_at
    return row


def _meant(silence: Silence, machines: Sequence[Machine]) -> list[Machine]:
    try:
        meant = selector.parse(silence.selector).matches
    except selector.Unreadable:
        return []
    return [one for one in machines if one.team == silence.team_id and meant(one.words)]


def _spans(silence: Silence, start: datetime, end: datetime) -> Spans:
    try:
        times = silences.times(silence).windows(start, end)
    except ValueError:
        return []
    return joined((_ms(a), _ms(b)) for a, b in times)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
