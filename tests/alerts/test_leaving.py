"""A person whose account is deleted, a team that is removed: what was told stays in the record, by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts import services
from accounts.models import Audit, Membership, Team, User
from accounts.services import audit
from alerts import record
from alerts.delivery import deliver_due
from alerts.models import Channel, Delivery, Incident, Rule
from alerts.services import people
from core.clock import now
from servers import services as servers_services
from tests.alerts.stage import Stage

pytestmark = pytest.mark.django_db


def test_what_was_sent_to_somebody_outlives_their_account(
    team: Team, person: Callable[..., User], api: Callable[..., Client]
) -> None:
    maria, boss = person(first_name="Maria", email="maria@example.org"), person()
    stage = Stage(team)
    stage.fire(stage.rule(notify=[{"person": str(maria.uuid)}]), "web-1")
    stage.at(1)
    stage.deliver()
    waiting = Delivery.objects.get()
    late = Delivery.objects.create(
        notice=waiting.notice, channel=waiting.channel, recipient="other", due_at=now() - timedelta(minutes=1),
        person=maria,
    )  # fmt: skip
    own = people.own_address(maria)
    audit(maria, "person.change", maria, after={"theme": "dark"})
    maria.delete()
    sent = Delivery.objects.get(pk=waiting.pk)
    assert (sent.person, sent.person_name, sent.state) == (None, "Maria", "sent")
    assert record.recipient(sent) == "Maria"
    kept = Channel.objects.get(pk=own.pk)
    assert (kept.owner, kept.config) == (None, {}), "nothing is left of where it led"
    assert kept.removed_at is not None
    assert not Channel.objects.standing().exists()
    assert Audit.objects.filter(actor__contains="maria@example.org", user=None).exists()
    while deliver_due(own.pk):
        pass
    late.refresh_from_db()
    assert (late.state, late.error) == ("dead", "The channel My address was removed.")
    shown = api(boss).get("/api/v1/deliveries").json()["results"]
    assert {(one["person"], one["recipient"]) for one in shown} == {("Maria", "")}


def test_what_was_told_of_a_team_outlives_it(team: Team, other_team: Team, person: Callable[..., User]) -> None:
    boss, member = person(is_superuser=True), person(of=other_team)
    stage = Stage(other_team)
    channel = stage.hook()
    stage.fire(stage.rule(), "web-1")
    stage.at(1)
    stage.deliver()
    servers_services.remove(list(stage.servers.values()), by=boss)
    services.remove_team(other_team, by=boss)
    assert not Team.objects.filter(pk=other_team.pk).exists()
    [first, *_rest] = Delivery.objects.order_by("pk")
    assert (first.state, first.channel) == ("sent", channel)
    assert first.notice.text == "web-1: CPU used is 99 %, above 95 %."
    assert str(first.notice.incident.team).startswith("Strangers (removed 20")
    channel.refresh_from_db()
    assert (channel.config, channel.enabled) == ({}, False)
    assert channel.removed_at is not None
    assert not Incident.objects.open().exists()
    assert not Delivery.objects.filter(state="waiting").exists()
    assert not Rule.objects.standing().filter(team=other_team).exists()
    assert not Membership.objects.filter(user=member).exists()
    assert Incident.objects.visible_to(boss).count() == 1
    assert not Incident.objects.visible_to(member).exists()
    services.make_team("Strangers", by=boss)  # its name is free
