"""Which rules watch the series of one server, and where their limits are: what a chart draws beside its lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alerts import fleet
from alerts.compiled import label_test
from alerts.models import Rule
from core import selector
from metrics.store import quantity
from servers.models import Server

MOST = 200
Limit = dict[str, Any]
Key = tuple[str, tuple[tuple[str, str], ...]]


def limits(server: Server, told: Iterable[Key]) -> list[Limit]:
    """Of every threshold that watches something this server told: its limits, and the label sets it speaks of."""
    rules = Rule.objects.standing().filter(team=server.team_id, kind="threshold", enabled=True)
    words = server.words()
    by_metric: dict[str, list[dict[str, str]]] = {}
    for metric, labels in told:
        by_metric.setdefault(metric, []).append(dict(labels))
    found = []
    cores: float | None = None
    for rule in rules.filter(metric__in=list(by_metric)).order_by("name", "pk")[:MOST]:
        if not _means(rule, words):
            continue
        fits = label_test(rule.labels)
        sets = [labels for labels in by_metric[rule.metric] if fits(labels)]
        times = 1.0
        if rule.params.get("per") == "cores":
            cores = cores if cores is not None else fleet.cores([server.pk]).get(server.pk, 0.0)
            times = cores
        if sets and times:
            found.append(_limit(rule, sets, times))
    return found


def _means(rule: Rule, words: dict[str, list[str]]) -> bool:
    try:
        return selector.parse(rule.selector).matches(words)
    except selector.Unreadable:
        return False  # the list of rules says so


def _limit(rule: Rule, sets: list[dict[str, str]], times: float) -> Limit:
    warn, critical = ((None if one is None else one * times) for one in (rule.warn, rule.critical))
    return {
        "rule": rule.name,
        "id": str(rule.uuid),
        "metric": rule.metric,
        "sets": sets[:MOST],
        "op": rule.op,
        "warn": warn,
        "critical": critical,
        "texts": [quantity(rule.metric, one) for one in (warn, critical) if one is not None],
    }
