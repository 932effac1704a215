"""Live topics: who may follow what, numbers without gaps, and the same messages by polling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from accounts.models import Membership, Team, User
from alerts.models import Incident
from core import live
from dashboards import feed, rights
from dashboards.consumers import BROKEN, SIGNED_OUT, LiveConsumer
from metrics.journal import Entry
from servers.services import change, remove
from tests.conftest import Machine
from tests.product import until

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 10  # on a busy computer, too


def socket(user: User) -> WebsocketCommunicator:
    browser = Client()
    browser.force_login(user)
    # By the cookie, through the same middleware as a browser: it wraps user and session in its own way.
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.session.session_key}".encode()
    return WebsocketCommunicator(AuthMiddlewareStack(LiveConsumer.as_asgi()), "/ws/live", [(b"cookie", cookie)])


def follow(user: User, names: list[str], then: Callable[[], Any] = lambda: None, count: int = 0) -> list[Any]:
    """What a tab hears: an answer for each topic, then so many messages."""
    tab = socket(user)

    async def talk() -> list[Any]:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect(timeout=SOON)
        await tab.send_json_to({"sub": names})
        heard = [await tab.receive_json_from(timeout=SOON) for _ in names]
        await asyncio.to_thread(then)
        heard += [await tab.receive_json_from(timeout=SOON) for _ in range(count)]
        await tab.disconnect(timeout=SOON)
        return heard

    return async_to_sync(talk)()


def test_a_tab_hears_its_teams_and_not_others(
    machine: Callable[..., Machine], team: Team, other_team: Team, person: Callable[..., User]
) -> None:
    mine, theirs = machine("mine"), machine("theirs", other_team)
    names = ["fleet", f"server.{mine.server.uuid}", f"server.{theirs.server.uuid}", "server.nonsense", "secrets"]
    heard = follow(person("viewer"), names)
    assert [("error" in one) for one in heard] == [False, False, True, True, True]


def test_numbers_grow_by_one_over_all_teams(team: Team, other_team: Team, person: Callable[..., User]) -> None:
    user = person("viewer")
    Membership.objects.create(team=other_team, user=user, role="viewer")

    def push() -> None:
        for number in range(6):
            live.push(feed.fleet_topic(team.pk if number % 2 else other_team.pk), {"servers": [number]})

    first, *rest = follow(user, ["fleet"], push, 6)
    assert first["data"]["subscribed"] is True
    assert [one["data"]["servers"][0] for one in rest] == list(range(6))
    assert [one["seq"] - first["seq"] for one in rest] == [1, 2, 3, 4, 5, 6], "messages that came at once are no gap"


def test_a_tab_whose_person_may_still_see_stays_open(
    team: Team, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dashboards.rights.CHECK_EVERY", 0.02)

    async def talk(tab: WebsocketCommunicator) -> Any:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect(timeout=SOON)
        await asyncio.sleep(1)  # dozens of checks
        await tab.send_json_to({"ping": 1})
        answer = await tab.receive_json_from(timeout=SOON)
        await tab.disconnect(timeout=SOON)
        return answer

    assert async_to_sync(talk)(socket(person("viewer"))) == {"pong": 1}
    assert not caplog.records


def test_a_tab_is_closed_when_its_session_ends(
    team: Team, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.rights.CHECK_EVERY", 0.05)
    user = person("viewer")
    tab = socket(user)

    async def talk() -> dict[str, Any]:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect(timeout=SOON)
        await asyncio.to_thread(user.set_password, "another long password")
        await user.asave()
        closing: dict[str, Any] = await tab.receive_output(timeout=SOON)
        return closing

    assert async_to_sync(talk)() == {"type": "websocket.close", "code": SIGNED_OUT}


@pytest.mark.parametrize(("age", "codes"), [(60.0, []), (0.1, [BROKEN])])
def test_sockets_that_cannot_be_checked_for_long_end_but_a_hiccup_throws_nobody_out(
    team: Team, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch, age: float, codes: list[int]
) -> None:
    for name in ("CHECK_EVERY", "RECHECK"):
        monkeypatch.setattr(rights, name, 0.05)
    monkeypatch.setattr(rights, "MOST_AGE", age)
    calls: list[int] = []

    def hiccup(*asked: Any, again: Callable[..., Any] = rights.again) -> Any:
        calls.append(1)
        if 1 < len(calls) < 5:  # the first is as it opens
            raise OperationalError("the database is away")
        return again(*asked)

    monkeypatch.setattr(rights, "again", hiccup)
    tab = socket(person("viewer"))

    async def talk() -> list[int]:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect(timeout=SOON)
        if codes:
            return [(await tab.receive_output(timeout=SOON))["code"]]
        await asyncio.to_thread(until, lambda: len(calls) > 5)
        stays = await tab.receive_nothing()
        await tab.disconnect(timeout=SOON)
        return [] if stays else [0]

    assert async_to_sync(talk)() == codes


def test_a_check_that_hangs_counts_as_one_that_failed(
    team: Team, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHECK_EVERY", "RECHECK", "MOST_AGE"):
        monkeypatch.setattr(rights, name, 0.05)
    opening = rights.again
    calls: list[int] = []

    def hang(*asked: Any) -> Any:
        calls.append(1)
        return opening(*asked) if len(calls) == 1 else time.sleep(0.5)

    monkeypatch.setattr(rights, "again", hang)
    tab = socket(person("viewer"))

    async def talk() -> Any:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect(timeout=SOON)
        return await tab.receive_output(timeout=SOON)

    assert async_to_sync(talk)() == {"type": "websocket.close", "code": BROKEN}


def test_many_tabs_of_a_person_are_checked_by_one_visit_to_the_database(
    team: Team, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "CHECK_EVERY", 0.3)
    asked: list[int] = []

    def counted(pk: int, keys: set[str], names: set[str], again: Callable[..., Any] = rights.again) -> Any:
        if names:
            asked.append(len(keys))
        return again(pk, keys, names)

    monkeypatch.setattr(rights, "again", counted)
    user = person("viewer")
    tabs = [socket(user) for _ in range(6)]

    async def talk() -> None:
        live.own_loop(asyncio.get_running_loop())
        for tab in tabs:
            await tab.connect(timeout=SOON)
            await tab.send_json_to({"sub": ["fleet", "incidents"]})
            await tab.receive_json_from(timeout=SOON)
            await tab.receive_json_from(timeout=SOON)
        del asked[:]
        await asyncio.to_thread(until, lambda: len(asked) >= 3 and 6 in asked)
        for tab in tabs:
            await tab.disconnect(timeout=SOON)

    async_to_sync(talk)()
    assert asked.count(6) >= 1
    assert sum(asked) >= 3 * len(asked), "a visit is for most of the six tabs, not for each by itself"


def test_polling_counts_what_was_dropped_as_missing(
    team: Team, other_team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    user = person("viewer")
    Membership.objects.create(team=other_team, user=user, role="viewer")
    client = api(user)
    since = client.get("/api/v1/live?topics=fleet").json()["seq"]["fleet"]
    for number in range(4):
        live.push(feed.fleet_topic(team.pk if number % 2 else other_team.pk), {"servers": [number]})
    kept = live.memory()
    kept.kept[feed.fleet_topic(team.pk)].popleft()  # type: ignore[attr-defined]
    assert client.get(f"/api/v1/live?since=fleet:{since}").json()["reset"] == ["fleet"]


def test_the_feed_outlives_whatever_happens_and_holds_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    made = feed.Feed()
    made.every = 0.01
    ticks: list[int] = []

    def fail() -> bool:
        ticks.append(1)
        raise ConnectionError("Redis went away")

    monkeypatch.setattr(made, "step", fail)
    made.start()
    time.sleep(1.3)
    assert made.is_alive()
    assert len(ticks) > 1
    made.end(1)
    monkeypatch.setattr("dashboards.feed.MOST_HELD", 3)
    for server in range(5):
        made.take([Entry(server, Any, 0, Any, Any)] * 2)  # type: ignore[arg-type]
    assert [len(entries) for entries in made.changed.values()] == [2, 1, 0, 0, 0]


def test_silence_is_told_only_by_who_knows_what_others_heard(machine: Callable[..., Machine]) -> None:
    row = machine("quiet").server
    sure = feed.Feed()
    unsure = feed.Feed(lambda: False)
    assert sure._tells(row, "ok", told=False)
    assert not unsure._tells(row, "ok", told=False)
    assert unsure._tells(row, "ok", told=True)


def test_pages_are_told_of_removed_servers_and_never_again_of_their_samples(
    team: Team, machine: Callable[..., Machine]
) -> None:
    gone, stays = machine("gone").server, machine("stays").server
    topic, made = feed.fleet_topic(team.pk), feed.Feed()
    live.watch(topic)

    def heard() -> list[dict[str, Any]]:
        before = live.sequence(topic)
        made.tick()
        return [one["data"] for one in live.recent(topic) if one["seq"] > before]

    (first,) = heard()
    keys = {name: str(one.uuid)[-12:] for name, one in (("gone", gone), ("stays", stays))}
    assert {row[0] for row in first["rows"]} == set(keys.values())
    pk = gone.pk
    remove([gone])
    made.take([Entry(pk, Any, 0, Any, Any)])  # type: ignore[arg-type] # its last sample, on its way
    assert heard() == [{"rows": [], "servers": [], "removed": [str(gone.uuid)]}]
    made.take([Entry(pk, Any, 0, Any, Any)])  # type: ignore[arg-type]
    assert heard() == []
    made.take([Entry(stays.pk, Any, 0, Any, Any)])  # type: ignore[arg-type]
    assert [row[0] for row in heard()[0]["rows"]] == [keys["stays"]]
    change(stays, {"name": "renamed"}, by=None)
    made.known = (0.0, made.known[1])  # five seconds later
    assert [one["name"] for one in heard()[0]["servers"]] == ["renamed"]


def test_an_incident_that_cannot_be_shown_hurts_nobody(
    team: Team, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    live.watch(feed.incidents_topic(team.pk))
    feed.push_incident(Incident(team=team, pk=404))
    assert "were not told" in caplog.text


def test_polling_gives_the_same_messages_and_says_when_it_cannot(
    team: Team, api: Callable[..., Client], person: Callable[..., User]
) -> None:
    client = api(person("viewer"))
    since = client.get("/api/v1/live?topics=fleet").json()["seq"]["fleet"]
    for number in range(3):
        live.push(feed.fleet_topic(team.pk), {"servers": [number]})
    got = client.get(f"/api/v1/live?topics=fleet&since=fleet:{since}").json()
    assert [(one["seq"] - since, one["data"]["servers"]) for one in got["messages"]] == [(1, [0]), (2, [1]), (3, [2])]
    assert got["reset"] == []
    assert client.get("/api/v1/live?since=fleet:1").json()["reset"] == ["fleet"]


def test_a_silent_server_is_shown_by_its_age_and_never_as_zero(
    machine: Callable[..., Machine], api: Callable[..., Client]
) -> None:
    machine("quiet")
    shown = api().get("/api/v1/servers").json()["results"][0]
    assert (shown["reach"], shown["cpu"], shown["seen"]) == ("new", None, None)


@pytest.mark.parametrize(("error", "told"), [(OSError(), 0), (ConnectionError("Redis is away"), 1)])
def test_a_browser_that_went_away_is_no_fault_and_a_lost_layer_is(
    error: OSError, told: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_args: Any) -> None:
        raise error

    async def ends(*_args: Any) -> None:
        pass

    monkeypatch.setattr(LiveConsumer.__base__, "__call__", fails)
    monkeypatch.setattr(LiveConsumer, "_end", ends)
    async_to_sync(LiveConsumer())({}, ends, ends)
    assert len(caplog.records) == told
