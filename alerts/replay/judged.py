"""Every series of a rule judged over the past, each kind by what is kept of it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from alerts.kinds import registry
from alerts.models import Rule
from alerts.replay import derived, reading, silence, spans
from alerts.replay.found import Judged, begin, wanted
from alerts.replay.reading import Budget, Fleet, Key, Wanted
from alerts.replay.spans import NONE, STEP, Labels, Material, Samples
from core.clock import from_milliseconds
from servers.models import Server

NOT = {"composite": "A rule over other rules is not replayed: look at the previews of those."}


def judged(rule: Rule, servers: list[Server], span: tuple[int, int], budget: Budget) -> Judged:
    found = Judged(rule, servers, *span, registry.get(rule.kind).limits(rule))
    if not servers:
        found.notes.append("No server is meant.")
    elif rule.kind in NOT:
        found.notes.append(NOT[rule.kind])
    elif rule.kind == "no_data":
        silence.look(found, budget)
    else:
        (_derived if rule.kind in {"change", "past"} else _values)(found, budget)
        found.spans = [one for line in found.lines for one in spans.judge(line, found.limits, found.end)]
    found.spans.sort(key=lambda one: one.start)
    return found


def _values(found: Judged, budget: Budget) -> None:
    """Which may have fired by their buckets; of those the samples, as long as they are kept and time is left."""
    asked = wanted(found)
    told = reading.fleet(asked, (found.start, found.end), budget.part(0.5))
    border = begin(found, told)
    hot = sorted(key for key in told.columns if told.hot.get(key))
    exact = _exact(found, asked, told, hot, budget.part(0.6))
    every = {one.pk: one.interval * 1000 for one in found.servers}
    for key in hot:
        samples = exact.get(key, NONE)
        until = _first(told, key, samples, border) if key in exact else found.end + 1
        found.exact_from = max(found.exact_from or 0, until if key in exact else 0)
        found.lines.append(Material(*key, every[key[0]], _buckets(told, key, until), samples))
    _say(found, told, len(hot) - len(exact), len(hot))


def _buckets(told: Fleet, key: Key, until: int) -> Samples:
    place = int(np.searchsorted(told.times, until))
    return told.times[:place], told.columns[key][:place]  # type: ignore[return-value]  # half the size, see judge


def _first(told: Fleet, key: Key, samples: Samples, border: int) -> int:
    """From when on there really are samples: what came late may seem to go back further than all others."""
    wanted = told.read.get(key, [])
    if not wanted:
        return border
    if not len(samples[0]):
        return int(told.times[-1]) + 1
    first = int(samples[0][0])
    return border if first < wanted[0] + reading.HOUR else first - first % reading.HOUR


def _exact(found: Judged, asked: Wanted, told: Fleet, hot: list[Key], budget: Budget) -> dict[Key, Samples]:
    """Samples of these series behind the border, server by server; those that are missing got no time."""
    border = found.exact_from or 0
    by_server: dict[int, dict[Labels, list[int]]] = defaultdict(dict)
    for server, labels in hot:
        line = Material(server, labels, STEP, _buckets(told, (server, labels), border))
        firing = spans.stands(line, found.limits)
        hours = reading.hours(told, (server, labels), found.limits, since=border, firing=firing)
        by_server[server][labels] = told.read[server, labels] = hours
    exact: dict[Key, Samples] = {}
    for server, by_labels in by_server.items():
        if budget.spent:
            break
        parts = {labels: [NONE] for labels in by_labels}
        for first, last in reading.runs(sorted({hour for hours in by_labels.values() for hour in hours})):
            span = max(first, border), min(last, found.end)
            for labels, some in asked.samples(server, by_labels.keys(), span).items():
                parts[labels].append(some)
        exact.update({(server, labels): _joined(some) for labels, some in parts.items()})
    return exact


def _joined(parts: list[Samples]) -> Samples:
    times, values = zip(*parts, strict=True)
    return np.concatenate(times), np.concatenate(values)


def _derived(found: Judged, budget: Budget) -> None:
    """What moved, or differs from its past: by means of five minutes, and by samples as far as there is time."""
    asked = wanted(found, "mean")
    reach = derived.reach(found.rule)
    told = reading.fleet(asked, (found.start - reach, found.end), budget.part(0.5))
    border = begin(found, told)
    every = {one.pk: one.interval * 1000 for one in found.servers}
    until = budget.part(0.7)
    coarse = 0
    for key in sorted(told.columns):
        made = derived.Derived(found.rule, told.times, told.columns[key])
        samples: Samples | None = None
        if not until.spent:
            near = made.back(border)
            samples = asked.samples(key[0], [key[1]], (near, found.end)).get(key[1], NONE)
            samples = made.over(samples, border)
        coarse += samples is None
        buckets = made.buckets(found.start, found.end + 1 if samples is None else border)
        found.lines.append(Material(*key, every[key[0]], buckets, samples or NONE))
    _say(found, told, coarse, len(told.columns))


def _say(found: Judged, told: Fleet, coarse: int, hot: int) -> None:
    """What the numbers do not say by themselves."""
    extremes = "means" if found.rule.kind in {"change", "past"} else "maxima" if found.limits.above else "minima"
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
