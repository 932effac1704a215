"""The product watches itself: a canary on the whole road, what stands still told once, an outside sign of life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from alerts.judging import Judge
from alerts.models import Channel, Delivery, Incident, Notice
from core.clock import now as clock
from core.models import Lease
from core.runner import INSTANCE
from ingest import writer
from monitor.env import read
from monitor.selfwatch import SelfWatch
from servers.models import Server
from servers.services import make_enrolment
from tests.sinks import WebhookSink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judge() -> Iterator[Judge]:
    made = Judge()
    made.step()
    yield made
    made.end()


@pytest.fixture
def watch(team: Team, judge: Judge) -> Iterator[SelfWatch]:
    """With everything else alive."""
    writer.writer()
    for name in ("pulse deliver", "pulse schedule"):
        Lease.objects.take(name, INSTANCE, clock(), 3600)
    yield SelfWatch()
    writer.stop()


def catch_up(judge: Judge) -> None:
    judge.saved_at = float("-inf")  # its place is saved once a second
    judge.step()


def words(watch: SelfWatch, after: float = 0) -> list[str]:
    return sorted(watch.look(clock() + timedelta(seconds=after)))


def test_a_canary_is_stored_read_back_and_passed_by_the_rules(watch: SelfWatch, judge: Judge) -> None:
    assert words(watch) == []
    assert words(watch) == ["rules"]  # they have not come after it yet
    catch_up(judge)
    assert words(watch) == []


def test_without_a_writer_it_says_that_nothing_can_be_taken_in(watch: SelfWatch) -> None:
    writer.stop()
    assert "nothing can be taken in" in watch.look(clock())["store"]


def test_a_canary_that_cannot_be_read_back_is_a_fault(watch: SelfWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.look(clock())
    monkeypatch.setattr("metrics.database.DatabaseStore.range", lambda *_: {})
    assert "cannot be read back" in watch.look(clock())["store"]


def test_nobody_sees_the_canary(watch: SelfWatch, person: Callable[..., User], api: Callable[..., Client]) -> None:
    watch.look(clock())
    assert Server.objects.filter(internal=True).count() == 1
    for user in (person(), person(is_superuser=True)):
        assert api(user).get("/api/v1/servers").json()["results"] == []


def test_the_first_machine_is_still_number_one(watch: SelfWatch, machine: Callable[..., Any], team: Team) -> None:
    watch.look(clock())
    assert machine("web-1").server.number == 1
    assert make_enrolment(team, "another")


def test_a_message_that_nobody_sends_is_noticed(watch: SelfWatch, team: Team) -> None:
    incident = Incident.objects.create(team=team, key="k", title="t", severity="warn", opened_at=clock())
    notice = Notice.objects.create(incident=incident, kind="firing", at=clock(), told_at=clock(), text="t")
    channel = Channel(team=team, name="hook", kind="webhook")
    channel.config = {"url": "https://example.org/"}
    channel.save()
    Delivery.objects.create(notice=notice, channel=channel, due_at=clock())
    assert "delivery" not in words(watch)
    assert "delivery" in words(watch, after=90)


def test_processes_that_are_gone_are_noticed(watch: SelfWatch) -> None:
    assert {"couriers", "schedule"} <= set(words(watch, after=7200))


def test_a_fault_that_lasts_is_told_once_and_so_is_its_end(
    watch: SelfWatch, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "look", lambda _: {"rules": "The rules stand still."})
    at = clock()
    for seconds in (0, 15, 30, 45, 60, 75):
        watch.step(at + timedelta(seconds=seconds))
    assert list(Incident.objects.values_list("key", "title")) == [("self rules", "The rules stand still.")]
    monkeypatch.setattr(watch, "look", lambda _: {})
    for seconds in (90, 105):
        watch.step(at + timedelta(seconds=seconds))
    assert list(Notice.objects.order_by("pk").values_list("kind", flat=True)) == ["firing", "resolved"]
    assert not Incident.objects.open().exists()


def test_the_outside_address_hears_of_us_only_while_all_moves(
    watch: SelfWatch, judge: Judge, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WebhookSink() as outside:
        settings.ENV = read({"WATCHKEEPER_HEARTBEAT_URL": outside.url})
        at = clock()
        watch.step(at)
        catch_up(judge)
        watch.step(at + timedelta(seconds=15))
        assert len(outside.requests) == 1
        watch.step(at + timedelta(seconds=30))  # now the rules stand still
        watch.step(at + timedelta(seconds=90))
        assert len(outside.requests) == 1
        catch_up(judge)
        watch.step(at + timedelta(seconds=105))
        assert len(outside.requests) == 2


def test_two_processes_do_not_both_look(watch: SelfWatch) -> None:
    Lease.objects.take("self watch", "another process", clock(), 60)
    assert watch.step() is False
    assert watch.canary.count == 0
