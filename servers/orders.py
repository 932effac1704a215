"""Orders to agents: what stands is in memory and goes out with each answer, or at once to whoever waits for it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from core import runner, shared
from core.clock import now
from core.errors import Busy
from core.models import Cursor
from servers.models import AgentKey, Order, Server

NAME = "orders"
LOOK = 10.0
"""How long a look keeps a server at one second; whoever goes on looking says so again before."""
MOST_WAITING = 1000
MOST_OF_ONE = 2
COME_BACK = 300
"""Seconds after which somebody who found no place asks again; until then orders come with answers to posts."""
MOST_LIVE = 200
"""Servers that are looked at one by one at the same time; who looks at more sees them at their own pace."""
RETELL = 30.0
MOST_DONE = 100
KEPT_IN_REDIS = "orders:live"
RESTORED = "restored"

Given = dict[str, Any]


@dataclass(slots=True)
class Live:
    """Somebody looks at a server."""

    id: str
    ends: float  # on the monotonic clock

    def given(self) -> Given:
        rest = round(max(0.0, self.ends - time.monotonic()), 3)
        # `seconds` beside `until`: a machine whose clock is wrong counts by its own.
        return {
            "id": self.id, "kind": "live", "args": {"interval": 1, "seconds": rest}, "until": time.time() + rest,
        }  # fmt: skip


@dataclass(eq=False, slots=True)
class Waiter:
    """One long poll."""

    loop: asyncio.AbstractEventLoop
    event: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def ring(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.event.set)


class Board:
    """What stands for which server, what was told by long poll, and who waits. From any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.live: dict[int, Live] = {}
        self.rows: dict[int, list[Given]] = {}
        self.told: dict[int, dict[str, float]] = {}
        self.handed: set[str] = set()
        self.seen: set[str] = set()
        self.waiters: dict[int, list[Waiter]] = {}
        self.count = 0
        self.ended = False

    def standing(self, server: int) -> list[Given]:
        """In the hot path of every post: two look-ups where nothing stands."""
        live, rows = self.live.get(server), self.rows.get(server)
        if live is None and rows is None:
            return []
        if live is not None and live.ends <= time.monotonic():
            live = None
        found = [*(rows or ()), *([live.given()] if live else ())]
        self.handed.update(order["id"] for order in rows or ())
        return found

    def news(self, server: int) -> bool:
        """Whether something stands that this server was not told by long poll, or that it seems to have missed."""
        told, at = self.told.get(server, {}), time.monotonic()
        live = self.live.get(server)
        if live is not None and live.ends > at and live.id not in told:
            return True
        return any(told.get(order["id"], -RETELL) <= at - RETELL for order in self.rows.get(server, ()))

    def tell(self, server: int) -> list[Given]:
        """All that stands, and that it was told."""
        with self.lock:
            found, at = self.standing(server), time.monotonic()
            before = self.told.pop(server, {})
            told = {order["id"]: before.get(order["id"], at) for order in found}
            for order in found:
                if order["kind"] != "live" and told[order["id"]] <= at - RETELL:
                    told[order["id"]] = at
            if told:
                self.told[server] = told
            return found

    def forget(self, server: int, ended: set[str]) -> None:
        """Orders of which the machine said what became: nobody has to read all that stands for this."""
        with self.lock:
            rest = [order for order in self.rows.get(server, ()) if order["id"] not in ended]
            if rest:
                self.rows[server] = rest
            else:
                self.rows.pop(server, None)

    def enter(self, server: int) -> Waiter | None:
        """A place to wait at; nothing when there is none. The third of one server sends its oldest home."""
        with self.lock:
            mine = self.waiters.setdefault(server, [])
            if len(mine) >= MOST_OF_ONE:
                oldest = mine.pop(0)
                oldest.over = True
                self.count -= 1
                oldest.ring()
            if self.ended or self.count >= MOST_WAITING:
                if not mine:
                    del self.waiters[server]
                return None
            waiter = Waiter(asyncio.get_running_loop())
            mine.append(waiter)
            self.count += 1
            return waiter

    def leave(self, server: int, waiter: Waiter) -> None:
        with self.lock:
            mine = self.waiters.get(server, [])
            if waiter in mine:
                mine.remove(waiter)
                self.count -= 1
            if not mine:
                self.waiters.pop(server, None)

    def ring(self, servers: Iterable[int]) -> None:
        for server in servers:
            for waiter in tuple(self.waiters.get(server, ())):
                waiter.ring()

    def end(self) -> None:
        """The process stops: everybody who waits is answered now, and nobody waits any more."""
        self.ended = True
        for mine in tuple(self.waiters.values()):
            for waiter in tuple(mine):
                waiter.ring()

    def renew(self, server: int, ends: float, known: str | None = None) -> tuple[Live | None, bool]:
        """Somebody looks; true when nobody did before. Nothing where too many servers are looked at."""
        with self.lock:
            live = self.live.get(server)
            if live is not None and live.ends > time.monotonic():
                live.ends = max(live.ends, ends)
                return live, False
            if live is None and len(self.live) >= MOST_LIVE:
                return None, False
            self.live[server] = live = Live(known or uuid.uuid4().hex, ends)
            return live, True

    def sweep(self) -> None:
        """Forget looks that are over."""
        with self.lock:
            for server in [server for server, live in self.live.items() if live.ends <= time.monotonic()]:
                del self.live[server]
            for server in [one for one in self.told if one not in self.live and one not in self.rows]:
                del self.told[server]


board = Board()


def waiting(server: int) -> list[Given]:
    """All orders that stand for a server; from memory alone."""
    return board.standing(server)


async def wait(server: int, seconds: float) -> bool:
    """Until something stands that was not told yet, or the time is over; false for one that another poll sent home.

    Where no place is left the asker shall come back later: told "nothing" at once, thousands would ask in circles.
    """
    if seconds <= 0 or board.news(server) or board.ended:
        return True
    waiter = board.enter(server)
    if waiter is None:
        detail = "Too many wait for orders. Ask again later; until then they come with the answers to posts."
        raise Busy(detail, retry=COME_BACK)
    try:
        async with asyncio.timeout(seconds):
            while not (waiter.over or board.ended or board.news(server)):
                await waiter.event.wait()
                waiter.event.clear()
    except TimeoutError:
        pass
    finally:
        board.leave(server, waiter)
    return not waiter.over


def watch(server: int, seconds: float = LOOK) -> None:
    """Somebody looks at this server now: one sample a second until nobody has said so for a while."""
    live, fresh = board.renew(server, time.monotonic() + seconds)
    if live is not None and not settings.EMBEDDED:
        shared.patience.ask(partial(_share, server, live, seconds, fresh=fresh), None)
    if fresh:
        board.ring([server])
        if not settings.EMBEDDED:
            runner.wake(NAME)


def _share(server: int, live: Live, seconds: float, *, fresh: bool) -> None:
    redis = shared.redis()
    if fresh and (kept := redis.hget(KEPT_IN_REDIS, str(server))):
        known = json.loads(kept)
        if known["until"] > time.time():
            live.id = known["id"]
    redis.hset(KEPT_IN_REDIS, str(server), json.dumps({"id": live.id, "until": time.time() + seconds}))


def _learn() -> set[int]:
    """What people look at by way of other processes."""
    kept: dict[bytes, bytes] = shared.redis().hgetall(KEPT_IN_REDIS)  # type: ignore[assignment]
    fresh, over = set(), []
    for name, text in kept.items():
        known = json.loads(text)
        rest = min(known["until"] - time.time(), LOOK)
        if rest <= -LOOK:
            over.append(name)
        elif rest > 0 and board.renew(int(name), time.monotonic() + rest, known["id"])[1]:
            fresh.add(int(name))
    if over:
        shared.redis().hdel(KEPT_IN_REDIS, *over)
    return fresh


@transaction.atomic
def issue(server: Server, kind: str, *, hours: float = 24.0, by: User | None = None) -> Order:
    """Ask a machine for something; the same again while it stands does nothing."""
    standing = Order.objects.standing().filter(server=server, kind=kind, until__gt=now()).first()
    if standing:
        return standing
    order = Order.objects.create(server=server, kind=kind, until=now() + timedelta(hours=hours), by=by)
    transaction.on_commit(partial(runner.wake, NAME))
    return order


@transaction.atomic
def replace(server: Server, kind: str, args: Given, *, hours: float = 24.0) -> Order:
    """Ask for something in place of what was asked before of the same kind and still stands."""
    Order.objects.standing().filter(server=server, kind=kind).update(state="lapsed", done_at=now())
    order = Order.objects.create(server=server, kind=kind, args=args, until=now() + timedelta(hours=hours))
    transaction.on_commit(partial(runner.wake, NAME))
    return order


@transaction.atomic
def resend_after_restore() -> int:
    """At a start: when the database came out of a backup, machines post again what was acknowledged since.

    The restore left its mark in the database itself, so that whichever process starts first finds it, once.
    """
    if not Cursor.objects.filter(name=RESTORED).delete()[0]:
        return 0
    # What stood when the backup was made may have been done since: only a new one is done again.
    Order.objects.standing().filter(kind="resend").update(state="lapsed", done_at=now())
    machines = Server.objects.filter(demo=False, pk__in=AgentKey.objects.filter(revoked_at=None).values("server"))
    until = now() + timedelta(hours=24)
    rows = [Order(server_id=pk, kind="resend", until=until) for pk in machines.values_list("pk", flat=True)]
    Order.objects.bulk_create(rows, batch_size=500)
    return len(rows)


def finish(server: int, done: list[Given]) -> None:
    """What a machine says became of its orders; told twice is kept once."""
    told = {key: one for one in done[:MOST_DONE] if (key := _uuid(one.get("id")))}
    mine = Order.objects.standing().filter(server=server, uuid__in=told) if told else Order.objects.none()
    ended = set()
    for key in mine.values_list("uuid", flat=True):
        text = str(told[key].get("text") or "").replace("\0", "").encode("utf-8", "replace").decode()[:500]
        state = "done" if told[key].get("ok") is True else "failed"
        Order.objects.standing().filter(uuid=key).update(state=state, text=text, done_at=now())
        ended.add(str(key))
    # Other processes hear of it with their next look: an order told once more is known there.
    board.forget(server, ended)


def _uuid(text: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def refresh() -> bool:
    """A loop's step: read what stands, write down what went out, wake whoever waits for it."""
    if not settings.EMBEDDED:
        board.ring(shared.patience.ask(_learn, set()))
    at = now()
    found: dict[int, list[Given]] = {}
    lapsed = []
    rows = Order.objects.standing().order_by("pk").values_list("pk", "server_id", "uuid", "kind", "args", "until")
    for pk, server, key, kind, args, until in rows:
        if until <= at:
            lapsed.append(pk)
        else:
            given = {"id": str(key), "kind": kind, "args": args, "until": until.timestamp()}
            found.setdefault(server, []).append(given)
    board.rows = found
    if lapsed:
        Order.objects.standing().filter(pk__in=lapsed).update(state="lapsed", done_at=at)
    _write_handed(at, {order["id"] for orders in found.values() for order in orders})
    board.sweep()
    board.ring(found)
    return False


def _write_handed(at: datetime, standing: set[str]) -> None:
    fresh, board.handed = board.handed - board.seen, set()
    if fresh:
        Order.objects.filter(uuid__in=fresh, handed_at=None).update(handed_at=at)
    board.seen = (board.seen | fresh) & standing
