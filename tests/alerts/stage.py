"""A stage for what is told: a simulated clock, servers, and alerts handed over as the judge would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import Team
from alerts import services
from alerts.engine import Limits, Track
from alerts.models import Alert, Channel, Delivery, Notice, Rule
from alerts.services import telling
from metrics.models import Series
from servers.models import Server

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIMITS = Limits(above=True, warn=80, critical=95)


class Stage:
    """A clock, servers and their alerts; what becomes due is done when it is due."""

    def __init__(self, team: Team) -> None:
        self.team, self.now = team, START
        self.servers: dict[str, Server] = {}
        self.series = Series.objects.create(metric="cpu_used_percent", labels="")

    def hook(self, name: str = "hook", **fields: Any) -> Channel:
        channel = Channel(team=self.team, name=name, kind="webhook", **fields)
        channel.config = {"url": f"https://{name}.example.org/"}
        channel.save()
        return channel

    def rule(self, name: str = "CPU hot", **fields: Any) -> Rule:
        made = {"metric": "cpu_used_percent", "warn": 80, "critical": 95, **fields}
        return Rule.objects.create(team=self.team, name=name, **made)

    def server(self, name: str, **fields: Any) -> Server:
        if name not in self.servers:
            number = len(self.servers) + 1
            self.servers[name] = Server.objects.create(team=self.team, name=name, number=number, **fields)
        return self.servers[name]

    def servers_named(self, names: list[str]) -> None:
        """Many in one go."""
        rows = [Server(team=self.team, name=name, number=number) for number, name in enumerate(names, 1)]
        self.servers = {row.name: row for row in Server.objects.bulk_create(rows)}

    def at(self, seconds: float) -> Stage:
        """Let the time pass until so long after the start."""
        until = START + timedelta(seconds=seconds)
        while (soonest := telling.step(self.now)) is not None and soonest <= until:
            self.now = max(soonest, self.now)
        self.now = until
        return self

    def after(self, seconds: float) -> Stage:
        return self.at((self.now - START).total_seconds() + seconds)

    def fire(self, rule: Rule, *names: str, value: float = 99) -> None:
        severity = 2 if value > 95 else 1
        at = int(self.now.timestamp() * 1000)
        open_ = {alert.server_id: alert for alert in Alert.objects.open().filter(rule=rule)}
        changes = []
        for name in names:
            known = open_.get(self.server(name).pk)
            before = Track("firing", 2 if known.severity == "critical" else 1) if known else Track()
            track = Track("firing", severity, at, None, at, value)
            changes.append(services.Change((rule.pk, self.server(name).pk, self.series.pk), before, track, LIMITS))
        services.apply(changes, self.now)

    def end(self, rule: Rule, *names: str) -> None:
        at = int(self.now.timestamp() * 1000)
        keys = [(rule.pk, self.server(name).pk, self.series.pk) for name in names]
        ended = Track(judged=at, value=10)
        services.apply([services.Change(key, Track("firing", 2), ended, LIMITS) for key in keys], self.now)

    def alert(self, rule: Rule, name: str) -> Alert | None:
        return Alert.objects.open().filter(rule=rule, server=self.server(name)).first()

    def sent(self) -> list[tuple[float, str, str]]:
        """What went out: when, as what, in which words."""
        rows = Delivery.objects.exclude(state="dropped").order_by("pk").select_related("notice")
        return [
            (((one.notice.told_at or self.now) - START).total_seconds(), one.notice.kind, one.notice.text)
            for one in rows
        ]

    def kinds(self) -> list[tuple[float, str]]:
        return [(at, kind) for at, kind, _ in self.sent()]

    def deliver(self) -> None:
        """Everything that waits arrives."""
        Delivery.objects.filter(state="waiting").update(state="sent", attempts=1, sent_at=self.now)

    def held(self) -> list[str]:
        """Why events were not told, or not yet."""
        return list(Notice.objects.exclude(held="").order_by("pk").values_list("held", flat=True))
