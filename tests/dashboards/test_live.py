"""Live topics: who may follow what, numbers without gaps, and the same messages by polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.test import Client

from accounts.models import Membership, Team, User
from core import live
from dashboards import feed
from dashboards.consumers import SIGNED_OUT, LiveConsumer
from tests.conftest import Machine

pytestmark = pytest.mark.django_db(transaction=True)


def socket(user: User) -> WebsocketCommunicator:
    browser = Client()
    browser.force_login(user)
    made = WebsocketCommunicator(LiveConsumer.as_asgi(), "/ws/live")
    made.scope["user"], made.scope["session"] = user, browser.session
    return made


def follow(user: User, names: list[str], then: Callable[[], Any] = lambda: None, count: int = 0) -> list[Any]:
    """What a tab hears: an answer for each topic, then so many messages."""
    tab = socket(user)

    async def talk() -> list[Any]:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect()
        await tab.send_json_to({"sub": names})
        heard = [await tab.receive_json_from() for _ in names]
        await asyncio.to_thread(then)
        heard += [await tab.receive_json_from(timeout=3) for _ in range(count)]
        await tab.disconnect()
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
    assert first["data"] == {"subscribed": True}
    assert [one["data"]["servers"][0] for one in rest] == list(range(6))
    assert rest[-1]["seq"] == first["seq"] + 6


def test_a_tab_is_closed_when_its_session_ends(
    team: Team, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.consumers.CHECK_EVERY", 0.05)
    user = person("viewer")
    tab = socket(user)

    async def talk() -> dict[str, Any]:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect()
        await asyncio.to_thread(user.set_password, "another long password")
        await user.asave()
        closing: dict[str, Any] = await tab.receive_output(timeout=3)
        return closing

    assert async_to_sync(talk)() == {"type": "websocket.close", "code": SIGNED_OUT}


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
