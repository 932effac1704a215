"""What tests of channels share: a message about a hot server, and a delivery of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings

from accounts.models import Team, User
from alerts.channels.base import Line, Message
from alerts.models import Channel, Delivery, Incident, Notice
from core.clock import now

LOCAL = ("127.0.0.0/8",)


def open_loopback(monkeypatch: Any, **env: Any) -> None:
    """Let channels reach the receivers of a test; and set what the environment would."""
    from dataclasses import replace

    monkeypatch.setattr(settings, "ENV", replace(settings.ENV, outgoing_allow=LOCAL, **env))


def message(**fields: Any) -> Message:
    usual: dict[str, Any] = {
        "event": "firing", "key": "5a1f", "incident": "0d4f9d5c-1111-4222-8333-444455556666", "severity": "critical",
        "rule": "CPU hot", "server": {"id": "s", "name": "web-1", "tags": []}, "metric": "cpu_used_percent",
        "labels": {}, "value": 97.1, "limit": 95, "since": 1795219340.0, "at": 1795219341.2,
        "summary": "web-1: CPU used is 97.1 %, above 95 %.", "url": "https://watch.example.org/incidents/0d4f/",
        "members": [], "title": "[Critical] web-1: CPU <hot>", "short": "web-1 CPU 97.1 %",
        "details": [Line("Server", "web-1"), Line("Limit", "95 %")], "lines": [Line("CPU", "97.1 %", "critical")],
    }  # fmt: skip
    return Message(**{**usual, **fields})


@dataclass
class Desk:
    """Makes channels and deliveries of one team."""

    team: Team

    def channel(self, name: str, kind: str, config: dict[str, Any], **fields: Any) -> Channel:
        made = Channel(team=None if "owner" in fields else self.team, name=name, kind=kind, **fields)
        made.config = config
        made.save()
        return made

    def incident(self, title: str = "CPU hot") -> Incident:
        return Incident.objects.create(
            team=self.team, key=str(uuid4()), title=title, severity="critical", opened_at=now()
        )

    def delivery(  # noqa: PLR0913 - what a delivery is made of
        self, channel: Channel, *, kind: str = "firing", incident: Incident | None = None, to: str = "",
        ago: float = 0.0, person: User | None = None, text: str = "web-1: hot.",
    ) -> Delivery:  # fmt: skip
        at: datetime = now() - timedelta(seconds=ago)
        notice = Notice.objects.create(
            incident=incident or self.incident(), kind=kind, at=at, told_at=at, text=text,
            facts={"severity": "critical"},
        )  # fmt: skip
        return Delivery.objects.create(notice=notice, channel=channel, recipient=to, due_at=at, person=person)
