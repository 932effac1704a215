"""A small team with its troubles, held still in time: what messages are made of in tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np

from accounts.models import Membership, Team, User
from alerts.channels.message import Message
from alerts.messages import compose
from alerts.models import Alert, Channel, Delivery, Incident, Notice, Rule
from metrics.memory import MemoryStore
from metrics.models import Series
from metrics.names import parse
from servers.models import Change, Event, FactSheet, Server

AT = datetime(2026, 11, 21, 8, 11, tzinfo=UTC)
ZONES = {"en": "Europe/London", "pt-br": "America/Sao_Paulo", "da": "Europe/Copenhagen"}
GIB = 2**30


def uuid(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


@dataclass
class World:
    """Makes rows; each thing has the same id in every run."""

    team: Team
    store: MemoryStore
    ana: User = field(init=False)
    mail: Channel = field(init=False)
    ops: Channel = field(init=False)

    def __post_init__(self) -> None:
        self.ana = self._person("ana@example.org", "Ana", "Souza")
        self.lars = self._person("lars@example.org", "Lars", "Holm")
        self.mail = self._channel("Ana's mail", "email", {"to": ["ana@example.org"]}, owner=self.ana)
        self.ops = self._channel("#ops", "slack", {}, team=self.team)

    def _person(self, mail: str, first: str, last: str) -> User:
        user = User.objects.create_user(mail, first_name=first, last_name=last)
        Membership.objects.create(team=self.team, user=user, role="admin")
        return user

    def _channel(self, name: str, kind: str, config: dict[str, Any], **owner: Any) -> Channel:
        channel = Channel(name=name, kind=kind, uuid=uuid(name), **owner)
        channel.config = config
        channel.save()
        return channel

    def server(self, name: str = "web-1", number: int = 1) -> Server:
        made, new = Server.objects.get_or_create(
            team=self.team, name=name,
            defaults={"hostname": name[:200], "number": number, "fingerprint": name[:100], "uuid": uuid(name)},
        )  # fmt: skip
        if new:
            document = {"cpu": {"cores": 2, "threads": 4}}
            FactSheet.objects.create(server=made, digest="d", document=document, at=AT)
        return made

    def rule(self, name: str = "CPU hot", metric: str = "cpu_used_percent", **more: Any) -> Rule:
        fields = {"warn": 85, "critical": 95, "metric": metric, "uuid": uuid(name), **more}
        return Rule.objects.get_or_create(team=self.team, name=name, defaults=fields)[0]

    def incident(self, rule: Rule | None, title: str = "", **more: Any) -> Incident:
        name = rule.name if rule else title
        fields = {"title": title or name, "severity": "critical", "opened_at": AT - timedelta(minutes=2)}
        return Incident.objects.create(
            pk=4711 + Incident.objects.count(),
            team=self.team,
            key=f"key {name}",
            rule=rule,
            uuid=uuid(f"incident {name}"),
            **{**fields, **more},
        )

    def alert(self, incident: Incident, server: Server, column: str = "cpu_used_percent", **more: Any) -> Alert:
        assert incident.rule is not None
        metric, _ = parse(column)
        series, _ = Series.objects.get_or_create(metric=metric, labels=column[len(metric) :])
        fields: dict[str, Any] = {
            "severity": "critical", "value": 97.123, "limit": 95, "state": "firing",
            "since": ms(AT - timedelta(minutes=2)), "judged": ms(AT),
        }  # fmt: skip
        return Alert.objects.create(
            rule=incident.rule, server=server, series=series, incident=incident,
            uuid=uuid(f"alert {incident.key} {server.name} {column}"), **{**fields, **more},
        )  # fmt: skip

    def notice(self, incident: Incident, kind: str, alert: Alert | None = None, **facts: Any) -> Notice:
        by = facts.pop("by", None)
        at = facts.pop("at", AT)
        text = facts.pop("text", "As it was written.")
        if alert is not None:
            facts = {"value": alert.value, "limit": alert.limit, "severity": alert.severity, **facts}
        transition = Notice.objects.count()
        return Notice.objects.create(
            incident=incident, alert=alert, kind=kind, at=at, text=text, facts=facts, by=by, told_at=at,
            transition=transition,
        )  # fmt: skip

    def delivery(self, notice: Notice, channel: Channel | None = None, language: str = "en") -> Delivery:
        channel = channel or self.mail
        person = self.ana if channel.owner_id else None
        User.objects.filter(pk=self.ana.pk).update(language=language, zone=ZONES.get(language, "UTC"))
        Delivery.objects.get_or_create(notice=notice, channel=self.ops, recipient="", defaults={"due_at": AT})
        return Delivery.objects.create(
            notice=notice, channel=channel, recipient=f"to {Delivery.objects.count()}", due_at=AT, person=person,
            uuid=uuid("delivery") if not Delivery.objects.filter(uuid=uuid("delivery")).exists() else uuid(
                f"delivery {Delivery.objects.count()}"
            ),
        )  # fmt: skip

    def told(self, notice: Notice, language: str = "en", channel: Channel | None = None) -> Message:
        return compose(Delivery.objects.select_related("notice").get(pk=self.delivery(notice, channel, language).pk))

    def measured(self, server: Server, **columns: Callable[[float], float] | float) -> None:
        """An hour of samples, one each 10 s: a number, or a function of how much of the hour has passed."""
        times = np.arange(ms(AT) - 3_600_000, ms(AT) + 1, 10_000)
        for column, value in columns.items():
            rows = np.array([[value((at - times[0]) / 3_600_000) if callable(value) else value] for at in times])
            self.store.append(server.pk, [column], times, rows.astype(float))

    def usual(self, server: Server) -> None:
        """What an agent tells of a machine that is hot since two minutes."""
        self.measured(server, **{
            "cpu_used_percent": lambda share: 97.123 if share > 0.966 else 42 + 20 * np.sin(9 * share),
            "memory_used_percent": 61.4, "memory_used_bytes": 9.8 * GIB, "memory_total_bytes": 16.0 * GIB,
            'disk_used_percent{mount="/"}': 91.2, 'disk_used_bytes{mount="/"}': 182.4 * GIB,
            'disk_total_bytes{mount="/"}': 200.0 * GIB, 'disk_used_percent{mount="/srv"}': 40.0,
            "swap_used_percent": 3.1, "swap_used_bytes": 0.1 * GIB, "swap_total_bytes": 4.0 * GIB,
            "load1": 8.2, "load5": 6.15, "load15": 4.0,
            'top_process_cpu_percent{process="postgres"}': 212.5, 'top_process_cpu_percent{process="nginx"}': 31.0,
            'top_process_memory_bytes{process="postgres"}': 6.2 * GIB,
            'top_process_memory_bytes{process="java"}': 1.5 * GIB,
        })  # type: ignore[arg-type]  # fmt: skip
        Change.objects.create(
            server=server, at=AT - timedelta(minutes=31), section="packages", key="postgresql-15",
            before="15.14", after="15.15",
        )  # fmt: skip
        Event.objects.create(
            server=server, at=AT - timedelta(minutes=3), kind="service", text="Service backup.service has failed."
        )
