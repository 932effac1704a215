"""Redis may go away: pages, posts and alerts go on, and what was missed meanwhile shows as a gap."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from redis import Redis, RedisError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from accounts.models import User
from core import live, shared
from tests.product import ScaleOut, until
from tests.services import NotHere, free_port, need

SIGN_IN = """
from accounts.models import User
from django.test import Client
browser = Client()
browser.force_login(User.objects.get())
print(browser.cookies["session"].value)
"""


class OwnRedis:
    """A Redis of one test, which keeps what it holds over a restart only when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("redis-server") or need(_missing)
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        self.child = subprocess.Popen(
            [*words, "--save", "", "--appendonly", "yes"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            try:
                with Redis.from_url(self.url) as client:
                    client.ping()
                    return
            except (RedisError, OSError):
                time.sleep(0.05)

    def kill(self) -> None:
        if self.child:
            self.child.kill()
            self.child.wait()


def _missing() -> str:
    raise NotHere("Redis is missing (on Debian and Ubuntu: apt install redis-server)")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    made = OwnRedis(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def shared_by_redis(own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> OwnRedis:
    """This process lives as one of several."""
    client = Redis.from_url(own_redis.url)
    monkeypatch.setattr(shared, "redis", lambda: client)
    monkeypatch.setattr(shared, "patience", shared.Patience())
    monkeypatch.setattr(shared, "REST", 0.2)
    kept = live._InRedis()
    monkeypatch.setattr(live, "memory", lambda: kept)
    return own_redis


@pytest.mark.django_db
def test_pages_and_polling_answer_while_redis_is_away(shared_by_redis: OwnRedis, client: Client) -> None:
    client.force_login(User.objects.create_superuser("owner@example.org", "correct horse battery"))
    shared_by_redis.kill()
    assert client.get("/").status_code == 200
    reply = client.get("/api/v1/live?topics=fleet,incidents").json()
    assert (reply["messages"], reply["seq"]) == ([], {"fleet": 0, "incidents": 0})
    live.push("topic", {})


def test_what_was_not_said_shows_as_a_gap(shared_by_redis: OwnRedis) -> None:
    live.watch("one")
    live.push("one", {"said": 1})
    before = live.sequence("one"), live.sequence("other")
    shared_by_redis.kill()
    live.push("one", {"lost": 1})
    assert live.sequence("one") == 0
    shared_by_redis.start()
    live.catch_up()
    assert (live.sequence("one"), live.sequence("other")) == (before[0] + 1, before[1] + 1)
    live.push("one", {"said": 2})
    assert [message["seq"] for message in live.recent("one")] == [before[0], before[0] + 2]


def test_who_has_just_begun_to_watch_hears_the_next_message(shared_by_redis: OwnRedis) -> None:
    assert not live.watched("one")
    live.watch("one")
    before = live.sequence("one")
    live.push("one", {"said": 1})
    assert [message["seq"] for message in live.recent("one")] == [before + 1]


def test_what_is_seldom_said_reaches_those_who_came_to_another_process(shared_by_redis: OwnRedis) -> None:
    assert not live.watched("one")
    live._InRedis().watch("one", 30)
    assert not live.watched("one"), "it is asked once a second"
    assert live.watched("one", surely=True)


def test_redis_is_left_alone_for_a_moment_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    patience, calls = shared.Patience(), []

    def fail() -> int:
        calls.append(1)
        raise ConnectionRefusedError

    assert [patience.ask(fail, 7) for _ in range(5)] == [7] * 5
    assert len(calls) == 1
    patience.back()
    assert patience.ask(lambda: 1, 7) == 1


def test_ingest_alerts_and_pages_go_on_without_redis(tmp_path: Path, own_redis: OwnRedis, site_postgres: str) -> None:
    with ScaleOut(tmp_path / "data", site_postgres, own_redis.url) as product:
        token = product.api_token()
        rule = {"name": "hot", "metric": "cpu_used_percent", "critical": 90, "group_wait": 0}
        assert product.request("POST", "/api/v1/rules", rule, token=token).status == 201
        _, key = product.enrol()
        own_redis.kill()
        at = time.time()
        for value in (10, 99):
            post = {"samples": [{"t": at + value / 100, "m": {"cpu_used_percent": value}}]}
            assert product.request("POST", "/api/v1/ingest", post, token=key).status == 200

        def incidents() -> int:
            return len(product.request("GET", "/api/v1/incidents", token=token).json()["results"])

        until(incidents, 15, "the alert")
        shown = product.request("GET", "/api/v1/servers", token=token).json()["results"][0]
        assert (shown["reach"], shown["cpu"]) == ("up", 99)
        ready = product.request("GET", "/readyz")
        assert ready.status == 503
        assert {name for name, state in ready.json()["parts"].items() if state != "ok"} == {"broker"}
        assert "live feed" in ready.json()["parts"]
        assert number(product, token) == 0
        own_redis.start()
        until(product.is_ready, 15, "readiness")
        until(lambda: number(product, token), 10, "live")
        until(partial(heard, product, token, key), 20, "a live message")
        assert all(child.poll() is None for child in product.children), product.output()[-3000:]


def heard(product: ScaleOut, token: str, key: str) -> bool:
    """Whether a tab that listens from now on hears of a post: as a message, or as a gap where a process that could
    not speak says so late; it goes on from there."""
    seq = number(product, token)
    post = {"samples": [{"t": time.time(), "m": {"cpu_used_percent": 50}}]}
    assert product.request("POST", "/api/v1/ingest", post, token=key).status == 200

    def told() -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = product.request("GET", f"/api/v1/live?since=fleet:{seq}", token=token).json()
        return found if found["messages"] or found["reset"] else {}

    return bool(until(told, 10, "a message or a gap")["messages"])


async def test_a_tab_is_closed_with_redis_and_sees_a_gap_when_it_is_back(
    tmp_path: Path, own_redis: OwnRedis, site_postgres: str
) -> None:
    product = ScaleOut(tmp_path / "data", site_postgres, own_redis.url)
    try:
        await asyncio.to_thread(product.start, "web")
        cookie = (await asyncio.to_thread(product.manage, "shell", "-v", "0", "-c", SIGN_IN)).splitlines()[-1]
        tab, before = await follow(product, cookie)
        own_redis.kill()
        with pytest.raises(ConnectionClosedError) as closed:
            await asyncio.wait_for(tab.recv(), 15)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011
        token = await asyncio.to_thread(product.api_token)
        assert await asyncio.to_thread(number, product, token) == 0
        own_redis.start()
        _, after = await asyncio.wait_for(follow(product, cookie), 30)
        assert after > before, "Redis kept its numbers, and yet the tab must read its page anew"
    finally:
        await asyncio.to_thread(product.kill)


async def follow(product: ScaleOut, cookie: str) -> tuple[ClientConnection, int]:
    """Connect as the browser does, again until it works, and once the web has noticed that Redis is there."""
    while True:
        headers = {"Cookie": f"session={cookie}", "Origin": product.url}
        tab = await connect(f"ws://127.0.0.1:{product.port}/ws/live", additional_headers=headers)
        with suppress(ConnectionClosedError):
            await tab.send('{"sub": ["fleet"]}')
            seq = json.loads(await tab.recv())["seq"]
            if seq:
                return tab, seq
        await tab.close()
        await asyncio.sleep(0.3)


def number(product: ScaleOut, token: str) -> int:
    return int(product.request("GET", "/api/v1/live?topics=fleet", token=token).json()["seq"]["fleet"])
