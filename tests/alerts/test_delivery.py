"""What becomes of a delivery that fails: again, otherwise, together with others, or visibly given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Team, User
from alerts.delivery import Dispatcher, deliver_due, fallback, outcome, retry, storm
from alerts.delivery.claiming import claim
from alerts.models import Channel, Delivery, Notice, Way
from core import clock
from core.clock import now
from core.models import Lease
from tests.alerts.telling import Desk, open_loopback
from tests.sinks import Reply, WebhookSink


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookSink]:
    open_loopback(monkeypatch)
    with WebhookSink() as made:
        yield made


@pytest.fixture
def desk(team: Team) -> Desk:
    return Desk(team)


@pytest.fixture
def hook(desk: Desk, sink: WebhookSink) -> Channel:
    return desk.channel("hook", "webhook", {"url": sink.url, "secret": "hunter2"})


class Later:
    """The time as delivery sees it, moved on by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by = timedelta()
        for module in ("courier",):
            monkeypatch.setattr(f"alerts.delivery.{module}.now", lambda: clock.now() + self.by)

    def move(self, **by: float) -> None:
        self.by += timedelta(**by)

    @property
    def now(self) -> object:
        return clock.now() + self.by


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    return Later(monkeypatch)


def drain(channel: Channel) -> None:
    while deliver_due(channel.pk, at_once=False):
        pass


def state(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.state


def test_what_was_sent_keeps_the_answer_and_is_not_sent_again(hook: Channel, desk: Desk, sink: WebhookSink) -> None:
    told = desk.delivery(hook)
    drain(hook)
    assert (state(told), told.answer, told.attempts) == ("sent", "200 ok", 1)
    assert len(sink.requests) == 1


def test_retry_after_holds_for_the_whole_channel_to_the_second(
    hook: Channel, desk: Desk, sink: WebhookSink, later: Later
) -> None:
    sink.answer = Reply(429, "slow down", {"Retry-After": "7"})
    first, second = desk.delivery(hook, ago=2), desk.delivery(hook, ago=1)
    began = now()
    drain(hook)
    hook.refresh_from_db()
    assert hook.resting_until is not None
    assert 7 <= (hook.resting_until - began).total_seconds() <= 7 + (now() - began).total_seconds()
    assert len(sink.requests) == 1
    assert (state(second), second.attempts) == ("waiting", 0)
    sink.answer = 200
    later.move(seconds=8)
    drain(hook)
    assert (state(first), state(second)) == ("sent", "sent")
    assert [one.json["key"] for one in sink.requests] == [first.key, second.key, first.key]


def test_five_failures_open_the_breaker_and_one_probe_closes_it(
    hook: Channel, desk: Desk, sink: WebhookSink, later: Later
) -> None:
    sink.answer = 500
    told = [desk.delivery(hook, ago=10 - number) for number in range(7)]
    drain(hook)
    hook.refresh_from_db()
    assert (hook.failures, len(sink.requests)) == (5, 5)
    assert hook.resting_until is not None
    later.move(seconds=31)
    deliver_due(hook.pk)
    hook.refresh_from_db()
    assert (hook.failures, len(sink.requests)) == (6, 6)
    sink.answer = 200
    later.move(seconds=400)
    drain(hook)
    hook.refresh_from_db()
    assert [state(one) for one in told] == ["sent"] * 7
    assert hook.failures == 0
    assert not hook.resting_until


def test_a_permanent_refusal_is_told_otherwise_at_once(
    hook: Channel, desk: Desk, sink: WebhookSink, team: Team
) -> None:
    with WebhookSink() as other:
        hook.fallback = desk.channel("other", "webhook", {"url": other.url})
        hook.save()
        sink.answer = Reply(404, "gone, hunter2")
        told = desk.delivery(hook)
        drain(hook)
        assert (state(told), told.answer) == ("dead", "404 gone, …")
        drain(hook.fallback)
        assert len(other.requests) == 1
    instead = Delivery.objects.get(instead_of=told)
    assert (instead.state, instead.channel) == ("sent", hook.fallback)


def test_two_minutes_of_failures_are_told_otherwise_and_tried_on(
    hook: Channel, desk: Desk, sink: WebhookSink, later: Later
) -> None:
    hook.fallback = desk.channel("other", "webhook", {"url": "https://example.org/"})
    hook.save()
    sink.answer = 503
    told = desk.delivery(hook)
    behind = desk.delivery(hook)
    Delivery.objects.filter(pk=behind.pk).update(due_at=now() - timedelta(seconds=1))
    deliver_due(hook.pk, at_once=False)
    assert fallback.sweep(now(), set()) == 0
    assert fallback.sweep(now() + timedelta(minutes=2, seconds=5), set()) == 2
    assert fallback.sweep(now() + timedelta(minutes=3), set()) == 0
    assert {one.instead_of for one in hook_deliveries(hook.fallback)} == {told, behind}
    sink.answer = 200
    later.move(minutes=6)
    drain(hook)
    assert (state(told), state(behind)) == ("sent", "sent")


def hook_deliveries(channel: Channel) -> list[Delivery]:
    return list(Delivery.objects.filter(channel=channel).select_related("instead_of"))


def test_a_persons_next_way_is_taken_and_then_their_address(
    desk: Desk, sink: WebhookSink, person: Callable[..., User]
) -> None:
    ada = person("operator")
    first = desk.channel("first", "webhook", {"url": sink.url}, owner=ada)
    second = desk.channel("second", "webhook", {"url": sink.url}, owner=ada)
    for place, channel in enumerate((first, second)):
        Way.objects.create(user=ada, channel=channel, place=place)
    sink.answer = 400
    told = desk.delivery(first, person=ada)
    drain(first)
    drain(second)
    chain = list(Delivery.objects.filter(notice=told.notice).order_by("pk").select_related("channel"))
    assert [one.channel.name for one in chain] == ["first", "second", "My address"]
    assert [one.person for one in chain] == [ada] * 3
    assert chain[2].recipient == ada.email


def test_a_day_later_it_is_a_dead_letter_that_people_see_and_try_again(
    hook: Channel, desk: Desk, sink: WebhookSink, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    sink.answer = 503
    told = desk.delivery(hook)
    Delivery.objects.filter(pk=told.pk).update(tried_at=now() - timedelta(hours=24, minutes=1), attempts=300)
    drain(hook)
    client = api()
    listed = client.get("/api/v1/deliveries?state=dead").json()["results"]
    assert [(one["id"], one["error"]) for one in listed] == [(str(told.uuid), "The receiver answered 503.")]
    assert client.get("/api/v1/channels").json()["results"][0]["dead"] == 1
    assert api(person("viewer")).post(f"/api/v1/deliveries/{told.uuid}/retry").status_code == 403
    again = client.post(f"/api/v1/deliveries/{told.uuid}/retry")
    assert (again.status_code, again.json()["state"]) == (200, "waiting")
    assert client.post(f"/api/v1/deliveries/{told.uuid}/retry").status_code == 409
    sink.answer = 200
    drain(hook)
    assert state(told) == "sent"
    assert client.get("/api/v1/deliveries?state=lost").status_code == 400


def test_deliveries_of_other_teams_are_not_there(desk: Desk, other_team: Team, api: Callable[..., Client]) -> None:
    foreign = Desk(other_team)
    theirs = foreign.delivery(foreign.channel("x", "webhook", {"url": "https://example.org/"}))
    client = api()
    assert client.get("/api/v1/deliveries").json()["results"] == []
    assert client.post(f"/api/v1/deliveries/{theirs.uuid}/retry").status_code == 404


def test_above_the_cap_the_rest_is_one_digest(hook: Channel, desk: Desk, sink: WebhookSink, later: Later) -> None:
    hook.storm_cap = 3
    hook.save()
    told = [desk.delivery(hook, text=f"web-{number}: hot.", ago=20 - number) for number in range(8)]
    drain(hook)
    assert [state(one) for one in told] == ["sent"] * 3 + ["waiting"] * 5
    ended = desk.delivery(hook, kind="resolved", incident=told[7].notice.incident, text="web-7: well again.")
    drain(hook)
    assert len(sink.requests) == 3
    assert Notice.objects.filter(kind="digest").count() == 1
    later.move(minutes=10, seconds=30)
    drain(hook)
    assert len(sink.requests) == 4
    assert sink.requests[3].json["notice"] == "digest"
    digest = Delivery.objects.get(notice__kind="digest")
    assert digest.notice.facts["count"] == 6
    assert digest.notice.facts["lines"][0] == "web-3: hot."
    assert {state(one) for one in (*told, ended)} == {"sent"}
    assert told[7].folded_in == digest


def test_what_is_critical_waits_half_a_minute_in_its_digest_and_a_warning_to_the_end(
    hook: Channel, desk: Desk, sink: WebhookSink, later: Later
) -> None:
    hook.storm_cap = 1
    hook.save()
    desk.delivery(hook, ago=2)
    mild = desk.delivery(hook)
    Notice.objects.filter(pk=mild.notice_id).update(facts={"severity": "warn"})
    drain(hook)
    later.move(seconds=60)
    drain(hook)
    assert len(sink.requests) == 1, "a warning waits ten minutes"
    for passed, sent in ((0, 1), (29, 1), (2, 2)):
        if not passed:
            desk.delivery(hook)
        later.move(seconds=passed)
        drain(hook)
        assert len(sink.requests) == sent
    assert state(mild) == "sent"
    desk.delivery(hook)
    drain(hook)
    later.move(seconds=31)
    drain(hook)
    assert len(sink.requests) == 3, "the next one has a digest of its own"


def test_a_digest_of_nothing_is_not_sent(hook: Channel, desk: Desk, sink: WebhookSink, later: Later) -> None:
    hook.storm_cap = 1
    hook.save()
    desk.delivery(hook, ago=2)
    held = desk.delivery(hook)
    drain(hook)
    Delivery.objects.filter(pk=held.pk).update(state="dropped")
    later.move(minutes=11)
    drain(hook)
    assert len(sink.requests) == 1
    assert Delivery.objects.get(notice__kind="digest").state == "dropped"


def test_caps_follow_the_kind_where_the_channel_says_nothing(desk: Desk) -> None:
    assert storm.cap_of(desk.channel("a", "sms", {"to": ["+4520123456"]})) == 10
    assert storm.cap_of(desk.channel("b", "email", {"to": ["a@example.org"]}, storm_cap=3)) == 3
    assert storm.cap_of(desk.channel("c", "webhook", {"url": "https://example.org/"})) == 0


def test_the_end_waits_for_its_beginning(hook: Channel, desk: Desk, sink: WebhookSink) -> None:
    sink.answer = 503
    begun = desk.delivery(hook)
    ended = desk.delivery(hook, kind="resolved", incident=begun.notice.incident)
    drain(hook)
    assert len(sink.requests) == 1
    sink.answer = 200
    Channel.objects.update(failures=0)
    Delivery.objects.filter(pk=begun.pk).update(due_at=now())
    drain(hook)
    assert [one.json["event"] for one in sink.requests] == ["firing", "firing", "resolved"]
    assert state(ended) == "sent"


def test_two_that_ask_at_once_get_different_ones(hook: Channel, desk: Desk) -> None:
    told = {desk.delivery(hook).pk for _ in range(4)}
    first, second = claim(hook.pk, now(), 2), claim(hook.pk, now(), 9)
    assert {one.pk for one in (*first, *second)} == told
    assert claim(hook.pk, now() + timedelta(seconds=41), 9)


def test_a_channel_that_cannot_be_read_is_a_fault_that_people_see(hook: Channel, desk: Desk) -> None:
    Channel.objects.update(sealed_config="not ours")
    told = desk.delivery(hook)
    drain(hook)
    hook.refresh_from_db()
    assert state(told) == "dead"
    assert "sealed with another secret key" in hook.fault


def test_retrying_what_is_not_dead_does_nothing(hook: Channel, desk: Desk) -> None:
    assert not retry(desk.delivery(hook), now())


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 4, 6), (3, 16, 24), (20, 240, 360)])
def test_pauses_grow_with_jitter_to_five_minutes(attempts: int, least: float, most: float) -> None:
    assert all(least <= outcome.pause(attempts, None) <= most for _ in range(50))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a database for threads; run with --db postgres")
@pytest.mark.django_db(transaction=True)
def test_a_hung_channel_delays_no_other(desk: Desk, sink: WebhookSink) -> None:
    with WebhookSink(delay=3) as hung:
        slow = desk.channel("slow", "webhook", {"url": hung.url})
        quick = desk.channel("quick", "webhook", {"url": sink.url})
        for _ in range(8):
            desk.delivery(slow, ago=5)
        told = [desk.delivery(quick) for _ in range(20)]
        dispatcher = Dispatcher()
        began = time.monotonic()
        dispatcher.start()
        sink.wait(20, seconds=3)
        assert time.monotonic() - began < 2
        deadline = time.monotonic() + 3
        while Delivery.objects.filter(channel=quick, state="waiting").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert Lease.objects.filter(name="pulse deliver").exists()
        hung.delay = 0
        dispatcher.end(5)
    assert {state(one) for one in told} == {"sent"}
    assert not any(thread.name == f"courier-{quick.pk}" for thread in threading.enumerate())
