"""The live socket: ask for permission, join topics, pass messages on, end when the session does."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.models import User
from core import guard, shared
from dashboards import rights, topics
from dashboards.rights import WATCH, Found
from dashboards.topics import Topic

log = logging.getLogger(__name__)

SIGNED_OUT = 4401
BROKEN = 1011
MOST_TOPICS = 50


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One tab. It is checked again every few seconds whether its person may still see what it follows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.topics: dict[str, Topic] = {}
        self.heard: dict[str, int] = {}
        self.person: int | None = None
        self.session = ""
        self.ended = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except shared.ERRORS as error:
            # Without the layer nothing arrives here any more; the browser connects again, or polls.
            if str(error):  # a browser that went away while it was written to has nothing to say
                log.warning("A live socket was lost: %s", error)
            await self._end(BROKEN)
        finally:
            self._stop_checking()

    async def connect(self) -> None:
        await self.accept()
        # A session may be right and still show nothing, as while a second factor is asked for and there is none.
        if not self.scope["user"].is_authenticated or not await self._may():
            await self.close(SIGNED_OUT)
            return
        guard.trust(self.scope)
        self.person, self.session = self.scope["user"].pk, self.scope["session"].session_key
        await self.channel_layer.group_add(f"person.{self.person}", self.channel_name)
        rights.follow(self.person, self)

    async def _may(self) -> bool:
        user, key = self.scope["user"], self.scope["session"].session_key
        people, _ = await database_sync_to_async(rights.again)(user.pk, [key], [])
        return key in people

    async def disconnect(self, code: int) -> None:
        self._stop_checking()
        if self.person is not None:
            await self.channel_layer.group_discard(f"person.{self.person}", self.channel_name)
        for topic in list(self.topics.values()):
            await self._leave(topic)

    async def person_recheck(self, message: dict[str, Any]) -> None:
        """From the layer: a session ended or a role changed just now."""
        if self.person is not None:
            rights.soon(self.person)

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
        said = {"subscribed": True, "sight": topic.sight()}
        await self._send({"topic": name, "seq": self._number(topic), "at": _now(), "data": said})

    async def _leave(self, topic: Topic) -> None:
        for inner in topic.inner:
            self.heard.pop(inner, None)
            await self.channel_layer.group_discard(inner, self.channel_name)

    async def _watch(self, topic: Topic) -> None:
        if settings.EMBEDDED and topic.server is None:
            return  # the layer itself knows who listens
        await asyncio.to_thread(topic.watch, WATCH)

    async def checked(self, user: User | None, found: Found) -> None:
        """A removed member, a closed session or a changed role ends what it showed within seconds."""
        if user is None:
            await self._end(SIGNED_OUT)
            return
        self.scope["user"] = user
        for name, topic in list(self.topics.items()):
            now = found.get(name, topic)  # joined while the others were looked at: found just now
            if now is None or (now.inner, now.sieve) != (topic.inner, topic.sieve):
                await self._leave(self.topics.pop(name))
                await self._rejoin(name, now)

    async def unsure(self) -> None:
        await self._end(BROKEN)

    def _stop_checking(self) -> None:
        if self.person is not None:
            rights.leave(self.person, self)

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


def _now() -> float:
    return round(time.time(), 3)
