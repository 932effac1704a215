"""What cannot go out the usual way is neither sent against anybody's will nor silently lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Team, User
from alerts.delivery import deliver_due, fallback, outcome, retry, storm
from alerts.delivery.claiming import claim
from alerts.models import Channel, Delivery, Way
from alerts.services import channels
from core.clock import now
from tests.alerts.telling import Desk, open_loopback
from tests.sinks import WebhookSink

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(team: Team) -> Desk:
    return Desk(team)


@pytest.fixture
def hook(desk: Desk) -> Channel:
    return desk.channel("hook", "webhook", {"url": "https://hook.example.org/", "secret": "hunter2"})


def drain(channel: Channel) -> None:
    while deliver_due(channel.pk, at_once=False):
        pass


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_what_waits_on_a_channel_that_is_switched_off_goes_over_its_fallback(
    desk: Desk, hook: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_loopback(monkeypatch)
    with WebhookSink() as sink:
        other = desk.channel("other", "webhook", {"url": sink.url, "secret": "s"})
        waiting = desk.delivery(hook)
        Channel.objects.filter(pk=hook.pk).update(enabled=False, fallback=other)
        drain(hook)
        drain(other)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.error) == ("dead", "The channel hook is switched off.")
        assert len(sink.requests) == 1
    hook.refresh_from_db()
    assert hook.failures == 0, "that says nothing of whether it works"


def test_a_channel_that_goes_stays_in_the_record_without_its_credentials(
    desk: Desk, hook: Channel, person: Callable[..., User], api: Callable[..., Client]
) -> None:
    told, waiting = desk.delivery(hook), desk.delivery(hook)
    Delivery.objects.filter(pk=told.pk).update(state="sent", attempts=1, sent_at=now())
    user = person("admin")
    Channel.objects.create(team=desk.team, name="with", kind="webhook", fallback=hook)
    assert api(user).delete(f"/api/v1/channels/{hook.uuid}").status_code == 204
    hook.refresh_from_db()
    assert hook.removed_at
    assert hook.config == {}
    assert not Channel.objects.filter(fallback=hook).exists()
    drain(hook)
    assert states() == ["sent", "dead"]
    waiting.refresh_from_db()
    assert waiting.error == "The channel hook was removed."
    assert api(user).get(f"/api/v1/channels/{hook.uuid}").status_code == 404
    names = [one["channel_name"] for one in api(user).get("/api/v1/deliveries").json()["results"]]
    assert names == ["hook", "hook"]
    desk.channel("hook", "webhook", {"url": "https://new.example.org/"})  # its name is free again


def test_an_own_channel_that_goes_takes_its_ways_along(desk: Desk, person: Callable[..., User]) -> None:
    user = person()
    mine = desk.channel("mine", "sms", {"to": "+4512345678"}, owner=user)
    Way.objects.create(user=user, channel=mine)
    channels.remove(mine, now(), by=user)
    assert not Way.objects.exists()
    assert list(Channel.objects.visible_to(user)) == []


def test_a_dead_letter_that_stood_in_a_digest_can_be_tried_alone(desk: Desk, hook: Channel) -> None:
    digest, one = _dead_digest(desk, hook)
    assert retry(one, now())
    assert [found.pk for found in claim(hook.pk, now(), 10)] == [one.pk]
    assert digest.pk


def test_a_dead_digest_that_is_tried_again_tells_what_stood_in_it(desk: Desk, hook: Channel) -> None:
    digest, one = _dead_digest(desk, hook)
    assert retry(digest, now())
    assert storm.close(digest)
    one.refresh_from_db()
    assert one.state == "waiting"


def _dead_digest(desk: Desk, hook: Channel) -> tuple[Delivery, Delivery]:
    one = desk.delivery(hook)
    storm.fold(hook, now())
    one.refresh_from_db()
    digest = one.folded_in
    assert digest is not None
    storm.lost(digest, "Refused.")
    Delivery.objects.filter(pk=digest.pk).update(state="dead", attempts=1)
    digest.refresh_from_db()
    return digest, one


def test_what_has_no_other_way_keeps_nobody_else_from_theirs(
    desk: Desk, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "AT_ONCE", 2)
    user = person()
    own = desk.channel("My address", "email", {"to": [user.email]}, owner=user)
    hook = desk.channel("hook", "webhook", {"url": "https://hook.example.org/"})
    hook2 = desk.channel("other", "webhook", {"url": "https://other.example.org/"})
    Channel.objects.filter(pk=hook.pk).update(fallback=hook2)
    stuck = [desk.delivery(own, person=user, to=user.email, ago=600) for _ in range(3)]
    last = desk.delivery(hook, ago=600)
    Delivery.objects.update(attempts=1, tried_at=now() - timedelta(minutes=5))
    hopeless: set[int] = set()
    for _ in range(3):
        fallback.sweep(now(), hopeless)
    assert Delivery.objects.filter(instead_of=last).exists()
    assert len(stuck) == 3


def test_what_waited_a_day_behind_a_channel_that_rests_is_a_dead_letter(desk: Desk, hook: Channel) -> None:
    old, fresh = desk.delivery(hook, ago=25 * 3600), desk.delivery(hook, ago=3600)
    outcome.give_up(now())
    assert states() == ["waiting", "waiting"], "it was not tried, so nobody knows whether it would be taken"
    Channel.objects.update(failures=9, resting_until=now() + timedelta(minutes=1))
    outcome.give_up(now())
    assert states() == ["dead", "waiting"]
    old.refresh_from_db()
    assert old.error == "Nothing went out over hook for a day."
    assert fresh.pk
