"""Live push: numbered messages by topic, kept for a while, sent to whoever looks.

A push is a hint, never the truth: it may be dropped, and the number tells the browser that it was.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, Protocol, TypeVar

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.conf import settings

from core import shared

KEPT = 200
SKIPPED = "live:skipped"
KEPT_FOR = 300.0
POLLED_FOR = 30.0

Message = dict[str, Any]
T = TypeVar("T")


class ThreadSafeLayer(InMemoryChannelLayer):  # type: ignore[misc]
    """Channels' in-memory layer loses messages sent from another loop; this one hops to the owner's."""

    owner: asyncio.AbstractEventLoop | None = None

    async def group_send(self, group: str, message: Message) -> None:
        owner = self.owner
        if owner is None or owner is asyncio.get_running_loop() or not owner.is_running():
            await super().group_send(group, message)
            return
        hop = asyncio.run_coroutine_threadsafe(super().group_send(group, message), owner)
        await asyncio.wrap_future(hop)


class _Loops:
    """The loop that sends: the web server's own, else a small private one in a thread."""

    def __init__(self) -> None:
        self.main: asyncio.AbstractEventLoop | None = None
        self.lock = threading.Lock()

    def get(self) -> asyncio.AbstractEventLoop:
        with self.lock:
            if self.main is None or not self.main.is_running():
                self.main = asyncio.new_event_loop()
                threading.Thread(target=self.main.run_forever, name="live-loop", daemon=True).start()
            return self.main


_loops = _Loops()


def own_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Called by the web server as it starts: sends happen on its loop."""
    _loops.main = loop
    layer = get_channel_layer()
    if isinstance(layer, ThreadSafeLayer):
        layer.owner = loop


class _Memory(Protocol):
    """Where numbers and the newest messages of each topic are kept."""

    def add(self, topic: str, data: Message) -> Message: ...
    def sequence(self, topic: str) -> int: ...
    def recent(self, topic: str) -> list[Message]: ...
    def watch(self, topic: str, seconds: float) -> None: ...
    def watched(self, topic: str, *, surely: bool = False) -> bool: ...
    def anybody(self) -> bool: ...
    def skip(self) -> None: ...


def _first_number() -> int:
    # A restart must look like a gap to a browser that waited, so numbers start at the clock, never at 1.
    return int(time.time() * 10)


class _InProcess:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers: dict[str, int] = defaultdict(_first_number)
        self.kept: dict[str, deque[Message]] = defaultdict(lambda: deque(maxlen=KEPT))
        self.polled: dict[str, float] = {}
        self.trimmed = time.monotonic()

    def add(self, topic: str, data: Message) -> Message:
        with self.lock:
            self.numbers[topic] += 1
            message = _message(topic, self.numbers[topic], data)
            self.kept[topic].append(message)
            if time.monotonic() - self.trimmed >= KEPT_FOR:
                self._trim(message["at"] - KEPT_FOR)
        return message

    def _trim(self, before: float) -> None:
        """Each server that somebody once looked at is a topic: their messages must not add up for good."""
        self.trimmed = time.monotonic()
        for topic in [name for name, kept in self.kept.items() if not kept or kept[-1]["at"] < before]:
            del self.kept[topic]

    def sequence(self, topic: str) -> int:
        with self.lock:
            return self.numbers[topic]

    def recent(self, topic: str) -> list[Message]:
        with self.lock:
            return list(self.kept.get(topic, ()))

    def watch(self, topic: str, seconds: float) -> None:
        self.polled[topic] = time.monotonic() + seconds

    def watched(self, topic: str, *, surely: bool = False) -> bool:
        layer = get_channel_layer()
        joined = isinstance(layer, InMemoryChannelLayer) and bool(layer.groups.get(topic))
        return joined or self.polled.get(topic, 0.0) > time.monotonic()

    def anybody(self) -> bool:
        layer = get_channel_layer()
        joined = isinstance(layer, InMemoryChannelLayer) and bool(layer.groups)
        return joined or any(until > time.monotonic() for until in tuple(self.polled.values()))

    def skip(self) -> None:
        """Memory is never away."""


class _InRedis:
    """Shared by all processes. Who watches what is asked once a second, not once a message."""

    def __init__(self) -> None:
        self.redis = shared.redis()
        self.known: tuple[float, set[str]] = (0.0, set())

    def add(self, topic: str, data: Message) -> Message:
        message = _message(topic, self._number(topic, 1), data)
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.lpush(f"live:kept:{topic}", json.dumps(message))
            pipe.ltrim(f"live:kept:{topic}", 0, KEPT - 1)
            pipe.expire(f"live:kept:{topic}", int(KEPT_FOR))
            pipe.execute()
        return message

    def sequence(self, topic: str) -> int:
        return self._number(topic, 0)

    def _number(self, topic: str, more: int) -> int:
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.set(f"live:seq:{topic}", _first_number(), nx=True, ex=86400)
            pipe.incrby(f"live:seq:{topic}", more)
            pipe.incrby(SKIPPED, 0)
            _, own, skipped = pipe.execute()
        return int(own) + int(skipped)

    def skip(self) -> None:
        """Raise the numbers of all topics at once: what could not be said shows as a gap."""
        self.redis.incr(SKIPPED)

    def recent(self, topic: str) -> list[Message]:
        kept: list[bytes] = self.redis.lrange(f"live:kept:{topic}", 0, -1)  # type: ignore[assignment]
        return [json.loads(text) for text in reversed(kept)]

    def watch(self, topic: str, seconds: float) -> None:
        self.redis.zadd("live:watched", {topic: time.time() + seconds})
        if topic not in self.known[1]:
            self.known = (float("-inf"), set())  # whoever has just been told so hears our next message

    def watched(self, topic: str, *, surely: bool = False) -> bool:
        asked, topics = self.known
        if surely or time.monotonic() - asked > 1.0:
            self.redis.zremrangebyscore("live:watched", 0, time.time())
            found: list[bytes] = self.redis.zrange("live:watched", 0, -1)  # type: ignore[assignment]
            topics = {name.decode() for name in found}
            self.known = (time.monotonic(), topics)
        return topic in self.known[1]

    def anybody(self) -> bool:
        self.watched("")
        return bool(self.known[1])


def _message(topic: str, number: int, data: Message) -> Message:
    return {"type": "live.message", "topic": topic, "seq": number, "at": round(time.time(), 3), "data": data}


@cache
def memory() -> _Memory:
    return _InProcess() if settings.EMBEDDED else _InRedis()


class _Missed:
    """Whether something could not be said since Redis was last reached."""

    anything = False


def _ask(call: Callable[[_Memory], T], otherwise: T) -> T:
    def asked() -> tuple[T, bool]:
        if _Missed.anything:
            memory().skip()
            _Missed.anything = False
        return call(memory()), True

    answer, reached = shared.patience.ask(asked, (otherwise, False))
    if not reached:
        _Missed.anything = True
    return answer


def catch_up() -> None:
    """Redis is there again: pages that missed something see a gap and read their data anew."""
    shared.patience.back()
    _ask(lambda _kept: None, None)


def push(topic: str, data: Message) -> None:
    """Number a message, keep it for those who poll, send it to those who listen. From any thread."""
    layer = get_channel_layer()
    if layer is None or not watched(topic):
        return
    message = _ask(lambda kept: kept.add(topic, data), None)
    if message is not None:
        # As text: the layer copies what it carries for every listener, and a text needs no copying.
        told = {name: value for name, value in message.items() if name != "data"}
        _start(layer.group_send(topic, {**told, "text": json.dumps(message["data"], separators=(",", ":"))}))


def recheck(person: int) -> None:
    """This person's rights or sessions changed: their sockets look again now, not seconds later."""
    layer = get_channel_layer()
    if layer is not None:
        _start(layer.group_send(f"person.{person}", {"type": "person.recheck"}))


def _start(sending: Coroutine[Any, Any, None]) -> None:
    asyncio.run_coroutine_threadsafe(sending, _loops.get())


def sequence(topic: str) -> int:
    """The topic's last number; 0 while it cannot be known, which the next message shows as a gap."""
    return _ask(lambda kept: kept.sequence(topic), 0)


def watch(topic: str, seconds: float = POLLED_FOR) -> None:
    """Somebody looks at this topic: keep its messages for a while."""
    _ask(lambda kept: kept.watch(topic, seconds), None)


def recent(topic: str) -> list[Message]:
    return _ask(lambda kept: kept.recent(topic), [])


def anybody() -> bool:
    """Whether any topic at all is watched; asked before work is done that only watchers need."""
    return _ask(lambda kept: kept.anybody(), False)


def watched(topic: str, *, surely: bool = False) -> bool:
    """Whether somebody looks at it. `surely` is for what is seldom said: who came in the last second counts, too."""
    return _ask(lambda kept: kept.watched(topic, surely=surely), False)
