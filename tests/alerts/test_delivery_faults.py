"""Receivers that fail now and then, ask to be left alone, or are away for a day: what was owed is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team
from alerts import services
from alerts.delivery import Dispatcher, courier, deliver_due, fallback
from alerts.engine import Track
from alerts.messages import compose
from alerts.messages.gathered import gather
from alerts.models import Channel, Delivery
from alerts.services import telling
from core.clock import now
from tests.alerts.stage import LIMITS, Stage
from tests.alerts.telling import Desk, open_loopback
from tests.services import free_port
from tests.sinks import Answer, Received, Reply, WebhookSink


@pytest.fixture(autouse=True)
def _open(monkeypatch: pytest.MonkeyPatch) -> None:
    open_loopback(monkeypatch)


@pytest.fixture
def desk(team: Team) -> Desk:
    return Desk(team)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., datetime]:
    """The time as couriers see it; moved on by what is given."""
    at = [now()]

    def move(**by: float) -> datetime:
        at[0] += timedelta(**by)
        return at[0]

    monkeypatch.setattr(courier, "now", lambda: at[0])
    return move


def drain(channel: Channel) -> None:
    while deliver_due(channel.pk):
        pass


def test_failures_with_successes_between_them_are_not_in_a_row(desk: Desk) -> None:
    answers = cycle((200, 500, 500, 200))
    with WebhookSink(lambda _: next(answers)) as sink:
        hook = desk.channel("hook", "webhook", {"url": sink.url})
        for number in range(24):
            desk.delivery(hook, ago=24 - number)
        drain(hook)
        hook.refresh_from_db()
        assert len(sink.requests) == 24, "the breaker kept some back"
    assert hook.failures < 5
    assert hook.resting_until is None
    assert Delivery.objects.filter(state="sent").count() == 12


def test_what_was_under_way_and_taken_does_not_end_the_rest_that_was_asked_for(
    desk: Desk, clock: Callable[..., datetime]
) -> None:
    def answer(received: Received) -> Answer:
        return Reply(429, "slow down", {"Retry-After": "7"}) if received is sink.requests[0] else 200

    with WebhookSink(answer) as sink:
        hook = desk.channel("hook", "webhook", {"url": sink.url})
        for number in range(12):
            desk.delivery(hook, ago=12 - number)
        began = clock()
        drain(hook)
        hook.refresh_from_db()
        assert hook.resting_until == began + timedelta(seconds=7)
        assert len(sink.requests) <= 8
        clock(seconds=7)
        drain(hook)
    assert {one.state for one in Delivery.objects.all()} == {"sent"}


def test_what_failed_side_by_side_is_one_reason_to_rest_and_not_many(
    desk: Desk, clock: Callable[..., datetime]
) -> None:
    with WebhookSink(503, delay=0.05) as sink:
        hook = desk.channel("hook", "webhook", {"url": sink.url})
        for number in range(16):
            desk.delivery(hook, ago=16 - number)
        began = clock()
        drain(hook)
    hook.refresh_from_db()
    assert hook.resting_until == began + timedelta(seconds=30)


def test_a_receiver_that_is_away_for_a_day_is_told_otherwise_and_at_last_a_dead_letter(
    desk: Desk, clock: Callable[..., datetime]
) -> None:
    with WebhookSink() as other:
        hook = desk.channel("hook", "webhook", {"url": f"http://127.0.0.1:{free_port()}/"})
        hook.fallback = desk.channel("other", "webhook", {"url": other.url})
        hook.save()
        owed = desk.delivery(hook)
        began, instead = clock(), None
        while (owed := Delivery.objects.get(pk=owed.pk)).state == "waiting":
            hook.refresh_from_db()
            at = clock()
            clock(seconds=max((max(owed.due_at, hook.resting_until or at) - at).total_seconds(), 0))
            drain(hook)
            if fallback.sweep(clock(), set()):
                instead = clock() - began
                drain(hook.fallback)
        assert [one.json["key"] for one in other.requests] == [str(Delivery.objects.get(instead_of=owed).uuid)]
    assert owed.state == "dead"
    assert timedelta(hours=24) < clock() - began < timedelta(hours=24, minutes=7)
    assert instead is not None
    assert timedelta(minutes=2) <= instead < timedelta(minutes=6)
    assert 24 * 60 / 6 < owed.attempts < 24 * 60 / 4
    assert "cannot be reached" in owed.error


def test_a_receiver_that_comes_back_after_hours_gets_all_of_it_under_the_first_keys(
    desk: Desk, clock: Callable[..., datetime]
) -> None:
    with WebhookSink(503) as sink:
        hook = desk.channel("hook", "webhook", {"url": sink.url})
        owed = [desk.delivery(hook, ago=9 - number) for number in range(9)]
        for _ in range(300):
            clock(minutes=1)
            drain(hook)
        sink.answer = 200
        for _ in range(12):
            clock(minutes=1)
            drain(hook)
        assert {one.json["key"] for one in sink.requests} == {one.key for one in owed}
    assert {one.state for one in Delivery.objects.all()} == {"sent"}


def hot(team: Team, count: int, **rule: Any) -> Stage:
    stage = Stage(team)
    stage.now = now()
    stage.hook()
    made = stage.rule(**rule)
    names = [f"web-{number}" for number in range(count)]
    stage.servers_named(names)
    at = int(stage.now.timestamp() * 1000)
    track = Track("firing", 2, at, None, at, 99.0)
    keys = [(made.pk, stage.server(name).pk, stage.series.pk) for name in names]
    services.apply([services.Change(key, Track(), track, LIMITS) for key in keys], stage.now)
    telling.step(stage.now)
    return stage


def test_eight_of_a_claim_cost_little_more_than_one(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "ROUNDS", 2)
    hot(team, 17, group_wait=0)
    with WebhookSink() as sink:
        hook = Channel.objects.get()
        hook.config = {"url": sink.url}
        hook.save()
        deliver_due(hook.pk)
        with CaptureQueriesContext(connection) as asked:
            deliver_due(hook.pk)
        assert len(sink.requests) == 16
    assert len(asked) <= 32, [one["sql"][:100] for one in asked]
    assert Delivery.objects.filter(state="sent", attempts=1, answer="200 ok").count() == 16


def test_a_power_cut_repeats_no_more_than_was_under_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with WebhookSink() as sink:
        hook = desk.channel("hook", "webhook", {"url": sink.url})
        for number in range(8):
            desk.delivery(hook, ago=8 - number)

        def cut(*_: object) -> None:
            time.sleep(0.3)
            raise SystemExit

        monkeypatch.setattr(courier, "_mark", cut)
        with pytest.raises(SystemExit):
            deliver_due(hook.pk)
        time.sleep(0.2)
        assert len(sink.requests) == 4


def test_a_process_that_has_just_begun_sends_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(courier, "deliver_due", lambda _channel, at_once: asked.append(at_once))
    monkeypatch.setattr(courier, "connections", SimpleNamespace(close_all=lambda: None))
    monkeypatch.setattr(courier, "IDLE", 0)
    for until in (Dispatcher().careful_until, time.monotonic() - 1):
        one = courier.Courier(1, until)
        one.event.set()
        one.run()
    assert asked == [False, True]


def test_a_database_that_is_locked_for_a_moment_repeats_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, locked = courier._mark, [OperationalError("database is locked")] * 2

    def mark(*given: Any) -> tuple[int, bool]:
        if locked:
            raise locked.pop()
        return plain(*given)

    monkeypatch.setattr(courier, "_mark", mark)
    with WebhookSink() as sink:
        hook = desk.channel("hook", "webhook", {"url": sink.url})
        for number in range(3):
            desk.delivery(hook, ago=3 - number)
        drain(hook)
        assert len(sink.requests) == 3
    assert {one.state for one in Delivery.objects.all()} == {"sent"}


@pytest.mark.parametrize("rule", [{"group_wait": 0}, {"group_by": ["rule"], "group_wait": 0, "group_interval": 0}])
def test_what_is_read_for_many_says_what_is_read_for_one(team: Team, rule: dict[str, Any]) -> None:
    hot(team, 3, **rule)
    waiting = list(Delivery.objects.all())
    known = gather(waiting)
    assert len(waiting) == len(known) == 3
    for one in waiting:
        assert compose(one, found=known[one.notice_id]).body() == compose(Delivery.objects.get(pk=one.pk)).body()


def test_a_slow_receiver_gives_back_what_was_not_begun(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "BEGUN", 0.0)
    open_loopback(monkeypatch)
    with WebhookSink() as sink:
        hook = desk.channel("hook", "webhook", {"url": sink.url})
        for number in range(20):
            desk.delivery(hook, ago=20 - number)
        deliver_due(hook.pk)
        assert 1 <= len(sink.requests) < 20
        back = Delivery.objects.filter(state="waiting")
        assert set(back.values_list("attempts", "lease_until", "tried_at")) == {(0, None, None)}
        while deliver_due(hook.pk):
            pass
        assert len(sink.requests) == 20, "each once"
