"""A digest that cannot be delivered, or that is under way when somebody answers: nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import Team, User
from alerts import services
from alerts.channels.base import DeliveryError, Sent
from alerts.delivery import outcome, storm
from alerts.delivery.claiming import claim
from alerts.models import Channel, Delivery, Incident
from alerts.services import telling
from core.clock import now
from tests.alerts.stage import Stage
from tests.alerts.telling import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(team: Team) -> Desk:
    return Desk(team)


def hook(desk: Desk, name: str, **fields: object) -> Channel:
    return desk.channel(name, "webhook", {"url": f"https://{name}.example.org/"}, **fields)


def test_what_stood_in_a_digest_that_is_refused_goes_over_the_fallback(desk: Desk) -> None:
    other = hook(desk, "other")
    full = hook(desk, "full", fallback=other)
    told = [desk.delivery(full, text=f"web-{number}: hot.") for number in range(3)]
    storm.fold(full, now())
    Delivery.objects.filter(notice__kind="digest").update(due_at=now())
    [digest] = claim(full.pk, now(), 5)
    assert storm.close(digest)
    outcome.failed(digest, DeliveryError("It answered 403.", permanent=True), now())
    instead = Delivery.objects.filter(channel=other).order_by("pk")
    assert [one.notice.text for one in instead] == ["web-0: hot.", "web-1: hot.", "web-2: hot."]
    assert [one.instead_of for one in instead] == told
    assert set(instead.values_list("state", flat=True)) == {"waiting"}


def test_whoever_may_have_read_it_in_a_digest_is_told_of_its_end(team: Team, person: Callable[..., User]) -> None:
    stage = Stage(team)
    channel = stage.hook()
    rule = stage.rule()
    stage.fire(rule, "web-1")
    stage.at(1)
    storm.fold(channel, stage.now)
    Delivery.objects.filter(notice__kind="digest").update(due_at=stage.now)
    [digest] = claim(channel.pk, stage.now, 5)
    assert storm.close(digest)
    services.acknowledge(Incident.objects.get(), stage.now, by=person())  # while it is on its way
    outcome.sent([(digest, Sent("200 ok"))], stage.now)
    stage.at(10).end(rule, "web-1")
    stage.at(120)
    assert Delivery.objects.filter(channel=channel, notice__kind="resolved").exists()


def test_what_was_called_off_before_its_digest_went_has_no_end(team: Team, person: Callable[..., User]) -> None:
    stage = Stage(team)
    channel = stage.hook()
    rule = stage.rule()
    stage.fire(rule, "web-1")
    stage.at(1)
    storm.fold(channel, stage.now)
    services.acknowledge(Incident.objects.get(), stage.now, by=person())
    stage.at(10).end(rule, "web-1")
    telling.step(stage.at(120).now)
    assert not Delivery.objects.filter(channel=channel, notice__kind="resolved").exclude(state="dropped").exists()
