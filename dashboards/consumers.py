"""The live socket: ask for permission, join topics, pass messages on, end when the session does."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.auth import lacks_second_factor
from accounts.models import User
from core import guard, shared
from dashboards import topics
from dashboards.topics import Topic

log = logging.getLogger(__name__)

SIGNED_OUT = 4401
BROKEN = 1011
CHECK_EVERY = 4.0
CHECK_WITHIN = 3.0
RECHECK = 1.0
MOST_FAILURES = 2
WATCH = 30.0
MOST_TOPICS = 50


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One tab. It is checked again every few seconds whether its person may still see what it follows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.topics: dict[str, Topic] = {}
        self.heard: dict[str, int] = {}
        self.checking: asyncio.Task[None] | None = None
        self.ended = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except shared.ERRORS as error:
            # Without the layer nothing arrives here any more; the browser connects again, or polls.
            log.warning("A live socket lost Redis: %s", error)
            await self._end(BROKEN)
        finally:
            self._stop_checking()

    async def connect(self) -> None:
        await self.accept()
        # A session may be right and still show nothing, as while a second factor is asked for and there is none.
        if not self.scope["user"].is_authenticated or await database_sync_to_async(_still)(self.scope) is None:
            await self.close(SIGNED_OUT)
            return
        guard.trust(self.scope)
        await self.channel_layer.group_add(self._person(), self.channel_name)
        self.checking = asyncio.create_task(self._check())

    async def disconnect(self, code: int) -> None:
        self._stop_checking()
        if self.checking:
            await self.channel_layer.group_discard(self._person(), self.channel_name)
        for topic in list(self.topics.values()):
            await self._leave(topic)

    def _person(self) -> str:
        return f"person.{self.scope['user'].pk}"

    async def person_recheck(self, message: dict[str, Any]) -> None:
        """From the layer: a session ended or a role changed just now."""
        with suppress(Exception):  # the regular check counts what fails
            async with asyncio.timeout(CHECK_WITHIN):
                await self._check_once()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            asked = json.loads(text_data or "")
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            await self._send({"error": "unreadable", "detail": 'Send JSON such as {"sub": ["fleet"]}.'})
            return
        if "ping" in asked:
            await self._send({"pong": asked["ping"]})
        for name in _names(asked.get("unsub")):
            if topic := self.topics.pop(name, None):
                await self._leave(topic)
        for name in _names(asked.get("sub")):
            await self._join(name)

    async def live_message(self, message: dict[str, Any]) -> None:
        """From the layer: pass it on under the name the tab asked for, numbered by what this tab heard."""
        inner = message["topic"]
        if self.ended or message["seq"] <= self.heard.get(inner, math.inf):
            return  # over, not joined yet, or counted by the answer to the subscription
        self.heard[inner] = message["seq"]
        for topic in list(self.topics.values()):
            if inner in topic.inner:
                number = self._number(topic)  # before anything waits: the next message may come meanwhile
                if topic.sieve is None:
                    await self._send_text(topics.written(topic.name, number, message))
                else:
                    whole = {**message, "data": json.loads(message["text"])}
                    await self._send(await database_sync_to_async(topic.outward)(number, whole))

    def _number(self, topic: Topic) -> int:
        return sum(self.heard.get(inner, 0) for inner in topic.inner)

    async def _join(self, name: str) -> None:
        if name in self.topics or len(self.topics) >= MOST_TOPICS:
            return
        topic = await database_sync_to_async(topics.find)(name, self.scope["user"])
        if topic is None:
            await self._send({"topic": name, "error": "unknown"})
            return
        self.topics[name] = topic
        for inner in topic.inner:
            await self.channel_layer.group_add(inner, self.channel_name)
        await self._watch(topic)
        self.heard.update(await asyncio.to_thread(topic.numbers))
        await self._send({"topic": name, "seq": self._number(topic), "at": _now(), "data": {"subscribed": True}})

    async def _leave(self, topic: Topic) -> None:
        for inner in topic.inner:
            self.heard.pop(inner, None)
            await self.channel_layer.group_discard(inner, self.channel_name)

    async def _watch(self, topic: Topic) -> None:
        if settings.EMBEDDED and topic.server is None:
            return  # the layer itself knows who listens
        await asyncio.to_thread(topic.watch, WATCH)

    async def _check(self) -> None:
        """A removed member, a closed session or a changed role ends what it showed within seconds."""
        failures = 0
        while not self.ended:
            await asyncio.sleep(RECHECK if failures else CHECK_EVERY)
            try:
                async with asyncio.timeout(CHECK_WITHIN):
                    await self._check_once()
                failures = 0
            except Exception:
                # Nobody knows any more who may see this: once may be a hiccup, twice ends it.
                failures += 1
                log.warning("The rights of a live socket could not be checked", exc_info=True)
                if failures == MOST_FAILURES:
                    await self._end(BROKEN)

    async def _check_once(self) -> None:
        # One visit to the database for all: two hundred tabs ask every few seconds.
        found = await database_sync_to_async(_again)(self.scope, list(self.topics))
        if found is None:
            await self._end(SIGNED_OUT)
            return
        self.scope["user"], fresh = found
        for name, now in fresh.items():
            topic = self.topics.get(name)
            if topic is None:
                continue
            await self._watch(topic)
            if now is None or (now.inner, now.sieve) != (topic.inner, topic.sieve):
                await self._leave(self.topics.pop(name))
                await self._rejoin(name, now)

    def _stop_checking(self) -> None:
        if self.checking:
            self.checking.cancel()

    async def _end(self, code: int) -> None:
        self.ended = True  # what comes before the browser has closed is not for it any more
        with suppress(RuntimeError, ConnectionError):
            await self.close(code)

    async def _rejoin(self, name: str, topic: Topic | None) -> None:
        if topic is None:
            await self._send({"topic": name, "error": "unknown"})
        else:
            await self._join(name)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_text(json.dumps(message))

    async def _send_text(self, text: str) -> None:
        # A tab that went away while we wrote is no error of ours.
        with suppress(RuntimeError, ConnectionError):
            await self.send(text)


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)][:MOST_TOPICS] if isinstance(value, list) else []


def _again(scope: dict[str, Any], names: list[str]) -> tuple[User, dict[str, Topic | None]] | None:
    """The person as they are now, and what they may follow of these; nothing when the session ended."""
    user = _still(scope)
    return None if user is None else (user, {name: topics.find(name, user) for name in names})


def _still(scope: dict[str, Any]) -> User | None:
    """The person of this socket's session, read anew; nothing when the session ended or the person may not in."""
    # Channels wraps the session lazily; a fresh one of the same key is read from the table.
    session = import_module(settings.SESSION_ENGINE).SessionStore(scope["session"].session_key)
    user = User.objects.filter(pk=scope["user"].pk, is_active=True).first()
    key = session.get("_auth_user_hash", "")
    if user is None or not key or key != user.get_session_auth_hash() or lacks_second_factor(user, session):
        return None
    return user


def _now() -> float:
    return round(time.time(), 3)
