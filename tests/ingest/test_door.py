"""The hot door itself, on a loop: keys that are not known, an outage of the database, a writer that died."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from accounts import limits, tally
from ingest import door as doors
from ingest import writer
from ingest.door import door
from metrics.models import JournalRow
from servers.auth import keyring
from servers.models import AgentKey, Server
from servers.services import revoke
from tests.conftest import Machine
from tests.product import slow

Make = Callable[..., Machine]


@pytest.fixture(autouse=True)
async def _hang_up() -> AsyncIterator[None]:
    """The loop's thread keeps its connection, and PostgreSQL drops no database that somebody uses."""
    yield
    await sync_to_async(connections.close_all)()


async def post(key: str, body: bytes = b"", encoding: bytes = b"") -> tuple[int, dict[str, Any], dict[bytes, bytes]]:
    body = body or json.dumps({"samples": [{"t": time.time(), "m": {"cpu_used_percent": 1}}]}).encode()
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"authorization", f"Bearer {key}".encode()), (b"content-encoding", encoding)]
    await door({"type": "http", "headers": headers, "state": {}}, receive, send)
    return said[0]["status"], json.loads(said[1]["body"]), dict(said[0]["headers"])


def strange() -> str:
    return f"wka_{secrets.token_hex(8)}.{secrets.token_urlsafe(32)}"


async def test_strangers_share_few_looks_into_the_table(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    monkeypatch.setattr(keyring, "refresh", lambda: looks.append(time.monotonic()))
    replies = await asyncio.gather(*(post(strange()) for _ in range(200)))
    assert {status for status, _, _ in replies} == {401}
    assert len(looks) == 1
    again = strange()
    for key in (strange(), again, again):
        assert (await post(key))[0] == 401
    assert len(looks) == 3, "a key that was missed just now is not looked for again"
    assert min(b - a for a, b in pairwise(looks)) >= doors.LOOK_EVERY * 0.75, "each is noted by a thread of its own"


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
async def test_during_an_outage_nobody_is_called_unknown(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    def broken() -> None:
        raise fault("the database is away")

    key = strange()
    with monkeypatch.context() as outage:
        outage.setattr(keyring, "refresh", broken)
        for _ in range(2):
            status, _, headers = await post(key)
            assert (status, headers[b"retry-after"]) == (503, b"5")
    assert (await post(key))[0] == 401


async def test_a_key_of_another_process_is_found(machine: Make) -> None:
    web = await sync_to_async(machine)()
    keyring.agents.clear()
    keyring.mark = None
    assert (await post(web.key))[0] == 200


async def test_a_writer_that_died_comes_back_at_the_next_post(machine: Make) -> None:
    web = await sync_to_async(machine)()
    assert (await post(web.key))[0] == 200
    dead = writer.running()
    assert dead is not None
    dead.end(5)
    assert writer.running() is None
    assert (await post(web.key))[0] == 200
    assert await JournalRow.objects.acount() == 2


@pytest.mark.alone
async def test_a_large_post_does_not_hold_up_the_loop(machine: Make) -> None:
    web = await sync_to_async(machine)()
    columns = [f"m{n}" for n in range(4000)]
    row = [time.time(), *range(4000)]
    from metrics.names import layout_hash

    body = json.dumps({"layout": layout_hash(columns), "columns": columns, "rows": [row] * 120}).encode()
    slowest = 0.0
    task = asyncio.create_task(post(web.key, body))
    while not task.done():
        began = time.monotonic()
        await asyncio.sleep(0.001)
        slowest = max(slowest, time.monotonic() - began)
    assert (await task)[1]["accepted"] == 480_000
    assert slowest < 0.5 * slow()


def test_a_revoked_key_ends_though_clocks_differ(machine: Make) -> None:
    """Another machine wrote a time ahead of ours: the newest change stands still, the number of keys too."""
    web = machine()
    machine("web-2")
    ahead = timezone.now() + timedelta(seconds=60)
    AgentKey.objects.exclude(server=web.server).update(changed_at=ahead)
    keyring.refresh()
    revoke(AgentKey.objects.get(server=web.server))
    keyring.refresh()
    assert keyring.find(web.key) is None


def test_all_is_read_again_within_a_minute_whatever_the_clocks_say(machine: Make) -> None:
    web = machine()
    keyring.refresh()
    Server.objects.update(interval=60)
    keyring.refresh()
    assert getattr(keyring.find(web.key), "interval", 0) == 10
    keyring.read_at -= 61
    keyring.refresh()
    assert getattr(keyring.find(web.key), "interval", 0) == 60


async def test_an_address_with_many_wrong_keys_waits_but_its_right_ones_do_not(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await sync_to_async(machine)()
    few = replace(limits.KINDS["agent_key"], most=20)
    monkeypatch.setitem(limits.KINDS, "agent_key", few)
    monkeypatch.setattr(tally, "strangers", tally.Strangers())
    monkeypatch.setattr(doors, "strangers", tally.strangers)
    wrong = strange()
    told = [await post(wrong) for _ in range(40)]
    assert [status for status, _, _ in told] == [401] * 29 + [429] * 11
    assert int(told[-1][2][b"retry-after"]) > 0
    assert (await post(here.key))[0] == 200
