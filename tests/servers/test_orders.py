"""Orders: in each answer to a post, at once to who waits, until the machine says what became of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client

from core.clock import now
from core.models import Cursor
from ingest.orders import door
from servers import orders
from servers.auth import keyring
from servers.models import AgentKey, Order, Server
from tests.conftest import Machine

Make = Callable[..., Machine]


@pytest.fixture(autouse=True)
def board(monkeypatch: pytest.MonkeyPatch) -> orders.Board:
    fresh = orders.Board()
    monkeypatch.setattr(orders, "board", fresh)
    return fresh


def test_an_order_goes_out_with_every_answer_until_it_is_done(machine: Make) -> None:
    web = machine()
    order = orders.issue(web.server, "rotate_key")
    assert orders.issue(web.server, "rotate_key") == order
    orders.refresh()

    for _ in range(2):
        (given,) = web.report(cpu_used_percent=1.0).json()["orders"]
        assert (given["id"], given["kind"], given["args"]) == (str(order.uuid), "rotate_key", {})
    done = {"boot": "b1", "seq": 9, "done": [{"id": str(order.uuid), "ok": True, "text": "as told\0"}, {"id": 5}]}
    assert web.post(done).status_code == 200

    assert web.report(cpu_used_percent=1.0).json()["orders"] == []
    order.refresh_from_db()
    assert (order.state, order.text) == ("done", "as told")


def test_a_machine_cannot_end_the_orders_of_another(machine: Make) -> None:
    web, other = machine(), machine("db-1")
    order = orders.issue(web.server, "rotate_key")
    other.post({"boot": "b", "seq": 1, "done": [{"id": str(order.uuid), "ok": True, "text": ""}]})
    order.refresh_from_db()
    assert order.state == "waiting"


def test_an_order_that_nobody_took_lapses_and_what_went_out_is_written_down(machine: Make) -> None:
    web = machine()
    order = orders.issue(web.server, "rotate_key")
    orders.refresh()
    assert orders.waiting(web.server.pk)
    orders.refresh()
    order.refresh_from_db()
    assert order.handed_at
    Order.objects.update(until=now())
    orders.refresh()
    assert orders.waiting(web.server.pk) == []
    order.refresh_from_db()
    assert order.state == "lapsed"


def test_while_somebody_looks_there_is_one_live_order_that_ends_by_itself(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0.0
    ahead = SimpleNamespace(monotonic=lambda: time.monotonic() + passed, time=lambda: time.time() + passed)
    monkeypatch.setattr(orders, "time", ahead)
    web = machine()
    orders.watch(web.server.pk, 30)
    (first,) = web.report(cpu_used_percent=1.0).json()["orders"]
    orders.watch(web.server.pk, 40)
    (again,) = web.report(cpu_used_percent=1.0).json()["orders"]
    assert first["id"] == again["id"]
    assert first["kind"] == "live"
    assert first["args"]["interval"] == 1
    assert 0 < first["args"]["seconds"] <= 30
    passed = 41.0
    assert web.report(cpu_used_percent=1.0).json()["orders"] == []


class Poll:
    """One long poll at the raw door."""

    def __init__(self, key: str, query: str = "wait=5") -> None:
        self.headers = [(b"authorization", f"Bearer {key}".encode())]
        self.scope: dict[str, Any] = {"type": "http", "headers": self.headers, "query_string": query.encode()}
        self.sent: list[Any] = []
        self.hang_up = asyncio.Event()
        self.began = time.monotonic()
        self.task = asyncio.ensure_future(self.run())

    async def run(self) -> None:
        async def receive() -> dict[str, Any]:
            await self.hang_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            self.sent.append(message)

        await door(self.scope, receive, send)

    async def answer(self, within: float = 1.0) -> Any:
        await asyncio.wait_for(asyncio.shield(self.task), within)
        return self.sent[0]["status"], json.loads(self.sent[1]["body"])


def run(talk: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(talk(), 10)
        await sync_to_async(connections.close_all)()  # PostgreSQL drops no database that somebody uses

    keyring.refresh()
    asyncio.run(bounded())


def test_a_long_poll_is_answered_as_soon_as_somebody_looks(machine: Make) -> None:
    web = machine()

    async def talk() -> None:
        poll = Poll(web.key)
        await asyncio.sleep(0.1)
        assert not poll.task.done()
        await asyncio.to_thread(orders.watch, web.server.pk)
        status, body = await poll.answer(0.3)
        assert (status, [order["kind"] for order in body["orders"]]) == (200, ["live"])
        # What was told is no news: else an agent that asks again would ask without end.
        again = Poll(web.key, "wait=0.2")
        await again.answer()
        assert time.monotonic() - again.began >= 0.2

    run(talk)


def test_a_third_poll_sends_the_oldest_home_and_a_full_board_says_when_to_come_back(
    machine: Make, board: orders.Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, other = machine(), machine("db-1")
    monkeypatch.setattr(orders, "MOST_WAITING", 2)

    async def talk() -> None:
        first, second = Poll(web.key), Poll(web.key)
        await asyncio.sleep(0.05)
        third = Poll(web.key)
        assert await first.answer(0.3) == (200, {"orders": []})
        full = Poll(other.key)
        assert (await full.answer(0.3))[0] == 503
        assert (b"retry-after", b"300") in full.sent[0]["headers"]
        orders.watch(other.server.pk)
        status, body = await Poll(other.key).answer(0.3)  # what stands already needs no place
        assert (status, [order["kind"] for order in body["orders"]]) == (200, ["live"])
        second.hang_up.set()
        await asyncio.wait_for(second.task, 0.3)
        assert second.sent == []
        assert board.count == 1
        board.end()
        assert await third.answer(0.3) == (200, {"orders": []})
        assert await Poll(web.key).answer(0.3) == (200, {"orders": []})
        assert (board.count, board.waiters) == (0, {})

    run(talk)


@pytest.mark.parametrize("query", ["wait=x", "wait=-1", "wait=nan", "wait=inf"])
def test_a_wait_that_is_no_wait_is_refused_and_a_long_one_is_bounded(machine: Make, query: str) -> None:
    web = machine()

    async def talk() -> None:
        status, body = await Poll(web.key, query).answer()
        assert (status, body["error"]) == (400, "bad_wait")
        assert (await Poll("wka_0123456789abcdef.notasecretnotasecretnot").answer())[0] == 401

    run(talk)
    assert web.client.get("/api/v1/orders?" + query).status_code == 400


def test_the_twin_answers_at_once_and_only_agents(machine: Make, api: Callable[..., Client]) -> None:
    web = machine()
    orders.watch(web.server.pk)
    (order,) = web.client.get("/api/v1/orders?wait=55").json()["orders"]
    assert order["kind"] == "live"
    assert api().get("/api/v1/orders").status_code == 401


def test_whoever_waits_with_a_key_that_is_revoked_meanwhile_hears_of_nothing(machine: Make) -> None:
    web = machine()

    async def talk() -> None:
        poll = Poll(web.key)
        await asyncio.sleep(0.05)
        await sync_to_async(AgentKey.objects.update)(revoked_at=now())
        await sync_to_async(keyring.refresh)()
        await asyncio.to_thread(orders.watch, web.server.pk)
        assert await poll.answer(0.5) == (200, {"orders": []})
        assert (await Poll(web.key).answer(0.5))[0] == 401
        assert orders.board.told == {}

    run(talk)


def test_the_end_of_an_order_is_known_without_reading_all_that_stand(
    machine: Make, django_assert_max_num_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    web = machine()
    first, second = (orders.issue(web.server, kind) for kind in ("rotate_key", "resend"))
    orders.refresh()
    strange = [{"id": str(uuid4()), "ok": True} for _ in range(50)]
    with django_assert_max_num_queries(2):
        orders.finish(web.server.pk, [{"id": str(first.uuid), "ok": False, "text": "no room"}, *strange])
    assert [order["id"] for order in orders.waiting(web.server.pk)] == [str(second.uuid)]
    first.refresh_from_db()
    assert (first.state, first.text) == ("failed", "no room")


def test_no_more_than_some_servers_are_looked_at_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "MOST_LIVE", 2)
    for server in (1, 2, 3, 1):
        orders.watch(server, 0.2)
    assert [bool(orders.waiting(server)) for server in (1, 2, 3)] == [True, True, False]
    time.sleep(0.25)
    orders.board.sweep()
    orders.watch(3)
    assert orders.waiting(3)


def test_after_a_restore_each_machine_is_asked_once_to_post_again(machine: Make) -> None:
    web, quiet, simulated = machine(), machine("db-1"), machine("demo-1")
    assert orders.resend_after_restore() == 0
    AgentKey.objects.filter(server=quiet.server).update(revoked_at=now())
    Server.objects.filter(pk=simulated.server.pk).update(demo=True)
    done_before = orders.issue(web.server, "resend")
    Cursor.objects.create(name=orders.RESTORED, place=1)
    assert [orders.resend_after_restore() for _ in range(2)] == [1, 0]
    orders.refresh()
    (given,) = web.report(cpu_used_percent=1.0).json()["orders"]
    assert (given["kind"], given["id"] == str(done_before.uuid)) == ("resend", False)
