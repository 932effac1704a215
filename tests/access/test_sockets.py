"""The live socket: who may open it, what they may follow, and how soon what they lost is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from accounts import second_factor
from accounts.base import narrow
from accounts.models import Membership, Team, User
from accounts.services import make_token
from core import live
from dashboards import feed, rights, topics
from dashboards.consumers import SIGNED_OUT
from monitor.asgi import sockets
from tests.access.world import World, signed_in

SEEN = "unknown"
OURS = "http://localhost"


def test_everybody_follows_what_they_may_see(world: World) -> None:
    ours, theirs = world.ours, world.theirs
    servers = [f"server.{one.uuid}" for one in (ours.db, ours.web, theirs.db)]
    nothing = [f"server.{uuid4()}", "server.x", "secrets", "", f"team.{ours.team.pk}.fleet"]
    may = {
        "viewer": servers[:2], "operator": servers[:2], "manager": servers[:2], "admin": servers[:2],
        "owner": servers, "stranger": servers[2:], "narrowed": servers[:1],
    }  # fmt: skip
    for who, mine in may.items():
        found = [name for name in (*servers, *nothing) if topics.find(name, world.people[who]) is not None]
        assert found == mine, who
        inner = topics.find("fleet", world.people[who]).inner  # type: ignore[union-attr]
        teams = {"owner": (ours, theirs), "stranger": (theirs,)}.get(who, (ours,))
        assert inner == tuple(feed.fleet_topic(one.team.pk) for one in teams), who
    gone = User(pk=world.people["viewer"].pk, is_active=False)
    for nobody in (AnonymousUser(), gone):
        assert [name for name in servers if topics.find(name, nobody)] == []
        assert topics.find("fleet", nobody).inner == ()  # type: ignore[union-attr]


def socket(client: Client, origin: str | None = OURS, **headers: str) -> WebsocketCommunicator:
    sent = [(b"host", b"testserver"), *((name.encode(), text.encode()) for name, text in headers.items())]
    if origin is not None:
        sent.append((b"origin", origin.encode()))
    if cookie := client.cookies.get(settings.SESSION_COOKIE_NAME):
        sent.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value}".encode()))
    return WebsocketCommunicator(sockets, "/ws/live", sent)


@pytest.fixture
def kept_world(transactional_db: None) -> Iterator[World]:
    """One that other threads see too."""
    narrow.forget()
    yield World()
    narrow.forget()


def opened(tab: WebsocketCommunicator) -> tuple[bool, int | None]:
    """Whether it was accepted, and how it was closed if it was at once."""

    async def knock() -> tuple[bool, int | None]:
        accepted, _ = await tab.connect(timeout=5)
        ended = None
        if accepted and not await tab.receive_nothing(timeout=0.3):
            ended = (await tab.receive_output(timeout=5)).get("code")
        await tab.disconnect(timeout=5)
        return accepted, ended

    return async_to_sync(knock)()


def test_only_a_session_of_our_own_page_opens_it(kept_world: World) -> None:
    browser = signed_in(kept_world.people["viewer"])
    token = f"Bearer {make_token(kept_world.people['admin'], 't', ['all'])}"
    for origin in ("https://evil.example.org", "null", None):
        assert opened(socket(browser, origin)) == (False, None), origin
    assert opened(socket(browser)) == (True, None)
    assert opened(socket(Client())) == (True, SIGNED_OUT)
    assert opened(socket(Client(), authorization=token)) == (True, SIGNED_OUT), "no token opens it"
    agent = f"Bearer {kept_world.ours.keys[kept_world.ours.db.name]}"
    assert opened(socket(Client(), authorization=agent)) == (True, SIGNED_OUT)


Loss = Callable[[World, User], Any]


def removed(_world: World, user: User) -> None:
    Membership.objects.filter(user=user).delete()


def narrowed(_world: World, user: User) -> None:
    Membership.objects.filter(user=user).update(selector="tag:web")


def disabled(_world: World, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def other_password(_world: World, user: User) -> None:
    user.set_password("another long password")
    user.save()


def signed_out(_world: World, user: User) -> None:
    from django.contrib.sessions.models import Session

    for row in Session.objects.all():
        if row.get_decoded().get("_auth_user_id") == str(user.pk):
            row.delete()


@pytest.mark.parametrize(
    ("loss", "ends"),
    [(removed, False), (narrowed, False), (disabled, True), (other_password, True), (signed_out, True)],
)
def test_what_is_taken_away_is_over_within_five_seconds(
    kept_world: World, monkeypatch: pytest.MonkeyPatch, loss: Loss, ends: bool
) -> None:
    """At the next look, and that comes soon enough."""
    assert rights.CHECK_EVERY + narrow.FRESH < 5
    monkeypatch.setattr(rights, "CHECK_EVERY", 0.05)
    monkeypatch.setattr(narrow, "FRESH", 0.05)
    user = kept_world.people["viewer"]
    topic = f"server.{kept_world.ours.db.uuid}"
    tab = socket(signed_in(user))

    async def talk() -> dict[str, Any]:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect(timeout=5)
        await tab.send_json_to({"sub": [topic]})
        assert (await tab.receive_json_from(timeout=5))["data"]["subscribed"] is True
        await database_sync_to_async(loss)(kept_world, user)
        if ends:
            last: dict[str, Any] = await tab.receive_output(timeout=5)
        else:
            last = await tab.receive_json_from(timeout=5)
        await tab.disconnect(timeout=5)
        return last

    heard = async_to_sync(talk)()
    assert heard == ({"type": "websocket.close", "code": SIGNED_OUT} if ends else {"topic": topic, "error": SEEN})


def test_a_role_that_becomes_narrower_sieves_an_open_tab(kept_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "CHECK_EVERY", 0.05)
    monkeypatch.setattr(narrow, "FRESH", 0.05)
    ours, user = kept_world.ours, kept_world.people["viewer"]
    tab = socket(signed_in(user))
    shown = [{"id": str(one.uuid)} for one in (ours.db, ours.web)]

    async def talk() -> list[Any]:
        live.own_loop(asyncio.get_running_loop())
        await tab.connect(timeout=5)
        await tab.send_json_to({"sub": ["fleet"]})
        heard = [await tab.receive_json_from(timeout=5)]
        await database_sync_to_async(narrowed)(kept_world, user)
        heard.append(await tab.receive_json_from(timeout=5))  # the page begins anew
        await asyncio.to_thread(live.push, feed.fleet_topic(ours.team.pk), {"servers": shown})
        heard.append(await tab.receive_json_from(timeout=5))
        await tab.disconnect(timeout=5)
        return heard

    first, again, said = async_to_sync(talk)()
    assert first["data"]["subscribed"] is again["data"]["subscribed"] is True
    assert first["data"]["sight"] != again["data"]["sight"], "the page knows that it shows too much"
    assert (said["data"], said["seq"]) == ({"servers": shown[1:]}, again["seq"] + 1)


def test_whoever_lacks_a_second_factor_follows_nothing_meanwhile(kept_world: World) -> None:
    """Not even until the first regular look, again and again."""
    Team.objects.filter(pk=kept_world.ours.team.pk).update(require_second_factor=True)
    second_factor.asking.forget()
    try:
        assert opened(socket(signed_in(kept_world.people["viewer"]))) == (True, SIGNED_OUT)
        assert opened(socket(signed_in(kept_world.people["stranger"]))) == (True, None)
    finally:
        second_factor.asking.forget()


def test_polling_says_when_less_may_be_seen(world: World) -> None:
    """A page that polls loads its data anew by the mark, and what is refused is named."""
    browser, user = signed_in(world.people["viewer"]), world.people["viewer"]
    ask = f"/api/v1/live?topics=fleet,incidents,server.{world.ours.db.uuid}"
    before = browser.get(ask).json()
    assert browser.get(ask).json()["sight"] == before["sight"], "the same as long as nothing changed"
    narrowed(world, user)
    narrow.forget()
    after = browser.get(ask).json()
    assert all(after["sight"][name] != before["sight"][name] for name in ("fleet", "incidents"))
    assert after["unknown"] == [f"server.{world.ours.db.uuid}"]
