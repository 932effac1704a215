"""Every series of a rule judged over the past, each kind by what is kept of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from alerts.compiled import label_test
from alerts.engine import Limits
from alerts.kinds import registry
from alerts.models import Rule
from alerts.replay import reading, spans
from alerts.replay.reading import Budget, Fleet, Key, Wanted
from alerts.replay.spans import NONE, STEP, Labels, Material, Samples, Span
from core.clock import from_milliseconds
from metrics.base import RAW
from metrics.store import query
from servers.models import Server

LIMITED = ("threshold", "anomaly", "forecast")
NOT = {
    "composite": "A rule over other rules is not replayed: look at the previews of those.",
    "no_data": "Silence is not replayed: what an agent kept while it could not reach us was stored later.",
}


@dataclass
class Judged:
    """What came of it, and what was looked at."""

    rule: Rule
    servers: list[Server]
    start: int
    end: int
    limits: Limits
    seen: int = 0
    """Servers that told it."""
    exact_from: int | None = None
    """From here on samples were judged; before it buckets of five minutes."""
    spans: list[Span] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[Material] = field(default_factory=list)
    """What can be judged again by another limit."""


def judged(rule: Rule, servers: list[Server], span: tuple[int, int], budget: Budget) -> Judged:
    found = Judged(rule, servers, *span, registry.get(rule.kind).limits(rule))
    if not servers:
        found.notes.append("No server is meant.")
    elif rule.kind in NOT:
        found.notes.append(NOT[rule.kind])
    else:
        _series(found, budget)
        found.spans = [one for line in found.lines for one in spans.judge(line, found.limits, found.end)]
        found.spans.sort(key=lambda one: one.start)
    return found


def _series(found: Judged, budget: Budget) -> None:
    """Which may have fired by their buckets; of those the samples, as long as they are kept and time is left."""
    rule = found.rule
    wanted = Wanted(rule.metric, label_test(rule.labels), frozenset(one.pk for one in found.servers), found.limits)
    told = reading.fleet(wanted, (found.start, found.end), budget.part(0.5))
    found.seen = len({server for server, _ in told.columns})
    hot = sorted(key for key in told.columns if told.hot.get(key))
    kept = query.store.first(RAW)
    border = found.end if kept is None else max(told.start, kept - kept % STEP)
    exact = _exact(found, told, hot, border, budget.part(0.6))
    every = {one.pk: one.interval * 1000 for one in found.servers}
    for key in hot:
        until = border if key in exact else found.end + 1
        found.lines.append(Material(*key, every[key[0]], _buckets(told, key, until), exact.get(key, NONE)))
    found.start, found.exact_from = max(found.start, told.start), border
    _say(found, told, len(hot) - len(exact), len(hot))


def _buckets(told: Fleet, key: Key, until: int) -> Samples:
    place = int(np.searchsorted(told.times, until))
    return told.times[:place], told.columns[key][:place]  # type: ignore[return-value]  # half the size, see judge


def _exact(found: Judged, told: Fleet, hot: list[Key], border: int, budget: Budget) -> dict[Key, Samples]:
    """Samples of these series behind the border, server by server; those that are missing got no time."""
    by_server: dict[int, dict[Labels, list[int]]] = defaultdict(dict)
    for server, labels in hot:
        line = Material(server, labels, STEP, _buckets(told, (server, labels), border))
        firing = spans.stands(line, found.limits)
        hours = reading.hours(told, (server, labels), found.limits, since=border, firing=firing)
        by_server[server][labels] = hours
    exact: dict[Key, Samples] = {}
    for server, wanted in by_server.items():
        if budget.spent:
            break
        exact.update(_samples(found, server, wanted, border))
    return exact


def _samples(found: Judged, server: int, wanted: dict[Labels, list[int]], border: int) -> dict[Key, Samples]:
    parts = {labels: [NONE] for labels in wanted}
    for first, last in reading.runs(sorted({hour for hours in wanted.values() for hour in hours})):
        span = max(first, border), min(last, found.end)
        for labels, some in reading.samples(server, found.rule.metric, wanted.keys(), span).items():
            parts[labels].append(some)
    listed = {labels: tuple(zip(*some, strict=True)) for labels, some in parts.items()}
    return {(server, labels): (np.concatenate(t), np.concatenate(v)) for labels, (t, v) in listed.items()}


def _say(found: Judged, told: Fleet, coarse: int, hot: int) -> None:
    """What the numbers do not say by themselves."""
    extremes = "maxima" if found.limits.above else "minima"
    border = found.exact_from or 0
    if found.rule.kind in {"anomaly", "forecast"} and not told.columns:
        found.notes.append("Nothing was learnt of these servers yet: the rule waits until it is.")
    elif not told.columns:
        found.notes.append(f"No server told {found.rule.metric} in this time.")
    if hot and found.start < border:
        found.notes.append(
            f"Before {said(border)} it was judged on 5-minute {extremes}, as samples are not kept longer."
        )
    if coarse:
        found.notes.append(
            f"{coarse} of {hot} series were judged on 5-minute {extremes} alone: there was no time for more."
        )
    if told.left_out:
        found.notes.append(f"{len(told.left_out)} series more were not looked at.")
    if told.cut:
        found.notes.append(f"There was no time for what was before {said(told.start)}.")


def said(at: int) -> str:
    return from_milliseconds(at).strftime("%Y-%m-%d %H:%M UTC")
