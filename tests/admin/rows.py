"""So many rows of everything that the admin shows, as one team's life leaves them."""

from __future__ import annotations

from datetime import date, timedelta
from datetime import time as clock_time
from uuid import uuid4

from django.utils import timezone

from accounts.limits import Limit
from accounts.models import ApiToken, Audit, Invitation, Membership, Team, User, UserSession
from alerts.models import (
    Alert,
    Chain,
    Channel,
    Delivery,
    Incident,
    Notice,
    Override,
    Preference,
    Rotation,
    Rule,
    Schedule,
    Silence,
    Step,
    Way,
)
from core.models import Cursor, Lease
from dashboards.models import View
from metrics.models import Layout, Series
from reports import models as reports
from servers.models import AgentKey, Change, Enrolment, Event, FactSheet, Order, Server


def fill(team: Team, number: int, word: str = "") -> None:
    """One row of each kind, all hanging together; the same number twice is refused by the tables."""
    at = timezone.now()
    name = f"{word or 'row'} {number}"
    user = _person(team, name, number)
    server = _server(team, user, name, number)
    rule = Rule.objects.create(team=team, name=name, metric="load1", warn=1, made_by=user)
    channel = Channel(team=team, name=name, kind="console", enabled=False)
    channel.config = {}
    channel.save()
    own = Channel(owner=user, name=name, kind="console")
    own.config = {}
    own.save()
    Way.objects.create(user=user, channel=own)
    Preference.objects.get_or_create(user=user)
    Silence.objects.create(team=team, rule=rule, owner=user, reason=name, starts_at=at)
    Chain.objects.create(team=team, name=name, steps=[{"kind": "tell"}])
    schedule = Schedule.objects.create(team=team, name=name, zone="UTC", fallback=user)
    for place in range(number % 3 + 1):
        Rotation.objects.create(schedule=schedule, place=place, starts_on=date(2026, 1, 1), hand_over=clock_time(8))
        Override.objects.create(schedule=schedule, user=user, starts_at=at, ends_at=at + timedelta(hours=1))
    incident = Incident.objects.create(
        team=team, key=name, title=name, severity="warn", opened_at=at, acknowledged_by=user, rule=rule
    )
    series, _ = Series.objects.get_or_create(metric="load1", labels=f'{{n="{number}"}}')
    alert = Alert.objects.create(
        rule=rule,
        server=server,
        series=series,
        incident=incident,
        severity="warn",
        value=2,
        limit=1,
        since=1,
        judged=1,
    )
    notice = Notice.objects.create(incident=incident, alert=alert, kind="firing", at=at, text=name, by=user)
    Delivery.objects.create(notice=notice, channel=channel, person=user, due_at=at, recipient=name)
    Step.objects.create(incident=incident, chain=name, place=0, kind="tell", due_at=at)
    View.objects.create(team=team, owner=user, name=name)
    _reports(team, user, name, number)
    Layout.objects.create(hash=f"{word[:1]}{number:015d}"[:16], columns=["load1"], series=[series.pk])
    Lease.objects.create(name=name, owner="x", until=at)
    Cursor.objects.create(name=name)


def _reports(team: Team, user: User, name: str, number: int) -> None:
    at = timezone.now()
    schedule = reports.Schedule.objects.create(
        team=team, name=name, kind="overview", rhythm="week", owner=user, next_at=at
    )
    run = reports.Run.objects.create(
        owner=user, team=team, schedule=schedule, kind="overview", period="week", start=at - timedelta(days=7), end=at
    )
    reports.Sending.objects.create(run=run, address=user.email, due_at=at)
    reports.Life.objects.create(
        uuid=uuid4(), team=team, name=name, began_at=at - timedelta(days=number + 1), ended_at=at
    )


def _person(team: Team, name: str, number: int) -> User:
    at = timezone.now()
    user = User.objects.create(email=f"{name.replace(' ', '-')}@example.org", first_name=name)
    Membership.objects.create(team=team, user=user, role="viewer")
    Invitation.objects.create(
        team=team,
        email=f"new-{user.email}",
        role="viewer",
        key=f"k{name}"[:24],
        digest="d" * 64,
        by=user,
        expires_at=at,
    )
    ApiToken.objects.create(user=user, name=name, key=f"t{name}"[:24], digest="d" * 64, scopes=["all"])
    UserSession.objects.create(user=user, key=f"session-{name}", browser="Firefox")
    Limit.objects.create(kind="reset", subject=user.email, since=at, count=number)
    Audit.objects.create(team=team, user=user, actor=user.email, action="server.change", target=name)
    return user


def _server(team: Team, user: User, name: str, number: int) -> Server:
    at = timezone.now()
    server = Server.objects.create(team=team, number=1000 + number, name=name, fingerprint=name)
    for turn in range(number % 3 + 1):
        AgentKey.objects.create(server=server, key=f"a{turn}{name}"[:24], digest="d" * 64)
    Enrolment.objects.create(team=team, name=name, key=f"e{name}"[:24], digest="d" * 64, expires_at=at)
    Order.objects.create(server=server, kind="rotate_key", by=user, until=at)
    FactSheet.objects.create(server=server, digest="d", document={"os": {"name": "Debian"}}, at=at)
    Change.objects.create(server=server, at=at, section="os", key="name", before="11", after="12")
    Event.objects.create(server=server, at=at, kind="reboot", text=name)
    return server
