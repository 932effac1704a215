"""A person whose account is deleted: what was sent to them stays in the record, by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Audit, Team, User
from accounts.services import audit
from alerts import record
from alerts.delivery import deliver_due
from alerts.models import Channel, Delivery
from alerts.services import people
from core.clock import now
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
