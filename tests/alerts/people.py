"""What the tests of people share: their channels, an incident without its rule, and a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.models import Team, User
from alerts.models import Chain, Channel, Delivery, Incident, Preference, Step, Way

NIGHT = datetime(2026, 11, 4, 2, 0, tzinfo=UTC)  # 03:00 in Copenhagen
NOON = datetime(2026, 11, 4, 12, 0, tzinfo=UTC)


def hook(team: Team | None = None, owner: User | None = None, name: str = "hook", **more: Any) -> Channel:
    channel = Channel(team=team, owner=owner, name=name, kind="webhook", **more)
    channel.config = {"url": f"https://example.org/{name}"}
    channel.save()
    return channel


def mail(owner: User, to: str = "me@example.org", name: str = "mail") -> Channel:
    channel = Channel(owner=owner, name=name, kind="email", default=False)
    channel.config = {"to": [to]}
    channel.save()
    return channel


def way(user: User, channel: Channel, **more: Any) -> Way:
    return Way.objects.create(user=user, channel=channel, **more)


def rests(user: User, **more: Any) -> None:
    """Quiet from ten to seven in Copenhagen."""
    usual = {"zone": "Europe/Copenhagen", "quiet_from": "22:00", "quiet_until": "07:00"}
    whole = {**usual, **more}
    user.zone = whole.pop("zone")
    user.save(update_fields=["zone"])
    Preference.objects.create(user=user, **whole)


def trouble(team: Team, at: datetime = NOON, severity: str = "warn", key: str = "k") -> Incident:
    return Incident.objects.create(team=team, key=key, title="web-1: CPU is hot.", severity=severity, opened_at=at)


def chain(team: Team, *steps: dict[str, Any], **more: Any) -> Chain:
    return Chain.objects.create(team=team, name=more.pop("name", "Night"), steps=list(steps), **more)


def results() -> list[str]:
    return list(Step.objects.order_by("round", "place").values_list("result", flat=True))


def told() -> list[tuple[str, str, str]]:
    """Whom, over what, and what became of it."""
    rows = Delivery.objects.select_related("person", "channel").order_by("pk")
    return [(str(row.person or ""), row.recipient or row.channel.name, row.state) for row in rows]
