"""The answer of a replay: spans, counts, a limit to try, and in words what was looked at."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from alerts import known
from alerts.models import Rule
from alerts.replay import spans, suggest
from alerts.replay.found import Judged
from alerts.replay.judged import judged
from alerts.replay.reading import DAY, Budget
from alerts.replay.spans import Span
from core.errors import Busy
from servers.models import Server

MOST_DAYS = 90
SECONDS = 6.0
MOST_SPANS = 500
WAIT = 10.0
_one = threading.BoundedSemaphore(1)


@dataclass(frozen=True)
class Asked:
    """Which time before `now`, by whose clock a night is a night, and what it may cost."""

    now: int
    days: float = 30
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    seconds: float = SECONDS


@dataclass
class Preview:
    """What would have been told."""

    servers: list[Server]
    found: Judged
    asked: Asked
    rule: Rule
    suggested: dict[str, Any] | None = None

    @property
    def days(self) -> float:
        return (self.asked.now - self.found.start) / DAY

    def answer(self) -> dict[str, Any]:
        named = {server.pk: server for server in self.servers}
        listed = self.found.spans
        by_server = "server" in self.rule.group_by
        weeks = max(self.days, 1) / 7
        return {
            "fired": len(listed),
            "night": spans.at_night(listed, self.asked.zone),
            "short": spans.short(listed),
            "messages_per_week": round(spans.troubles(listed, by_server=by_server) / weeks, 1),
            "days": round(self.days, 4),
            "zone": str(self.asked.zone),
            "servers": sum(not server.internal for server in self.servers),
            "checks": sum(server.internal for server in self.servers),
            "judged": self.found.seen,
            "exact_from": None if self.found.exact_from is None else self.found.exact_from / 1000,
            "note": " ".join(self.found.notes),
            "suggested": self.suggested,
            "chart": self._chart(named),
            "spans": [_span(one, named[one.server]) for one in self._shown()],
        }

    def _first(self) -> Span | None:
        """Of the series that would have told most."""
        counts: dict[tuple[int, spans.Labels], int] = {}
        for one in self.found.spans:
            counts[one.server, one.labels] = counts.get((one.server, one.labels), 0) + 1
        most = max(counts.values(), default=0)
        return next((one for one in self.found.spans if counts[one.server, one.labels] == most), None)

    def _shown(self) -> Sequence[Span]:
        """Those of the chart's series whole, then the newest."""
        first = self._first()

        def order(one: Span) -> tuple[bool, int]:
            return (first is None or (one.server, one.labels) != (first.server, first.labels)), -one.start

        return sorted(self.found.spans, key=order)[:MOST_SPANS]

    def _chart(self, named: dict[int, Server]) -> dict[str, Any] | None:
        one = self._first()
        if one is None:
            if len(self.servers) != 1 or not self.rule.metric:
                return None
            (server,) = self.servers
            return _where(server, {}) | {"metric": self.rule.metric}
        return _where(named[one.server], dict(one.labels)) | {"metric": self.rule.metric}


def preview(rule: Rule, asked: Asked) -> Preview:
    """One at a time: a replay may take all of a processor for some seconds."""
    if not _one.acquire(timeout=WAIT):
        raise Busy("Another preview is being made. Ask again in a few seconds.", retry=5)
    try:
        budget = Budget(asked.seconds)
        servers = known.servers_of(rule)
        found = judged(rule, servers, (asked.now - int(asked.days * DAY), asked.now), budget)
        done = Preview(servers, found, asked, rule)
        done.suggested = suggest.limit(rule, found, done.days, budget)
        return done
    finally:
        _one.release()


def _where(server: Server, labels: dict[str, str]) -> dict[str, Any]:
    return {"server": str(server.uuid), "name": server.name, "labels": labels}


def _span(one: Span, server: Server) -> dict[str, Any]:
    return _where(server, dict(one.labels)) | {
        "severity": one.severity,
        "start": one.start / 1000,
        "end": None if one.end is None else one.end / 1000,
        "peak": one.peak if one.peak == one.peak else None,
    }
