"""What a replay found, and what it is looked for in."""

from __future__ import annotations

from dataclasses import dataclass, field

from alerts import fleet
from alerts.compiled import label_test
from alerts.engine import Limits
from alerts.models import Rule
from alerts.replay.reading import Fleet, Wanted
from alerts.replay.spans import STEP, Material, Span
from metrics.base import RAW
from metrics.store import query
from servers.models import Server


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


def wanted(found: Judged, kind: str = "") -> Wanted:
    rule, ids = found.rule, frozenset(one.pk for one in found.servers)
    divisors = fleet.cores(ids) if rule.params.get("per") == "cores" else None
    return Wanted(rule.metric, label_test(rule.labels), ids, found.limits, kind, divisors)


def begin(found: Judged, told: Fleet) -> int:
    """Note what was read; from when on there are samples."""
    kept = query.store.first(RAW)
    border = found.end if kept is None else max(told.start, kept - kept % STEP)
    found.seen = len({server for server, _ in told.columns})
    found.start, found.exact_from = max(found.start, told.start), border
    return border
