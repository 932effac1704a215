"""What people with open sockets may still see: one check every few seconds for all tabs of a person."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Protocol

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.auth import lacks_second_factor
from accounts.models import User
from dashboards import topics
from dashboards.topics import Topic

log = logging.getLogger(__name__)

CHECK_EVERY = 4.0
RECHECK = 1.0
# A busy second of ours must not throw everybody out; who may see this must not be unknown for long either.
MOST_AGE = 10.0
WATCH = 30.0

Found = dict[str, Topic | None]


class Tab(Protocol):
    """One open socket."""

    session: str
    topics: dict[str, Topic]

    async def checked(self, user: User | None, found: Found) -> None:
        """What the check said; no user when the session ended."""

    async def unsure(self) -> None:
        """Nobody knows any more what this tab may show."""


class Person:
    """The open tabs of one person in this process."""

    def __init__(self, pk: int) -> None:
        self.pk = pk
        self.tabs: set[Tab] = set()
        self.sure_at = time.monotonic()
        self.asked = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        # After a restart all come back in one second; their checks need not.
        wait = CHECK_EVERY * random.uniform(0.5, 1)  # noqa: S311 - no secret
        while True:
            wait = await self._round(wait)

    async def _round(self, wait: float) -> float:
        """Rest or be woken, check, and say how long to rest now."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.asked.wait(), wait)
        self.asked.clear()
        began, tabs = time.monotonic(), list(self.tabs)
        try:
            async with asyncio.timeout(max(RECHECK, self.sure_at + MOST_AGE - began)):
                people, found = await self._check(tabs)
        except Exception:
            log.warning("The rights of live sockets could not be checked", exc_info=True)
            if time.monotonic() - self.sure_at >= MOST_AGE:
                await _all([tab.unsure() for tab in self.tabs])
            return RECHECK
        self.sure_at = began
        await _all([_tell(tab, people.get(tab.session), found) for tab in tabs])
        return max(0.0, began + CHECK_EVERY - time.monotonic())

    async def _check(self, tabs: list[Tab]) -> tuple[dict[str, User], Found]:
        names = {name for tab in tabs for name in tab.topics}
        people, found = await database_sync_to_async(again)(self.pk, {tab.session for tab in tabs}, names)
        kept = [topic for topic in found.values() if topic and not (settings.EMBEDDED and topic.server is None)]
        if kept:  # else the layer itself knows who listens
            await asyncio.to_thread(_watch, kept)
        return people, found


async def _all(work: list[Coroutine[Any, Any, None]]) -> None:
    """Of tabs that do not take what they are sent nobody waits for long."""
    if work:
        await asyncio.wait([asyncio.create_task(one) for one in work], timeout=RECHECK)


async def _tell(tab: Tab, user: User | None, found: Found) -> None:
    try:
        await tab.checked(user, found)
    except Exception:
        log.warning("A live socket could not be told what it may show", exc_info=True)
        await tab.unsure()


_open: dict[tuple[asyncio.AbstractEventLoop, int], Person] = {}


def follow(pk: int, tab: Tab) -> None:
    """From now on this tab is told what its person may see."""
    key = (asyncio.get_running_loop(), pk)
    if key not in _open:
        _open[key] = Person(pk)
    _open[key].tabs.add(tab)


def leave(pk: int, tab: Tab) -> None:
    key = (asyncio.get_running_loop(), pk)
    person = _open.get(key)
    if person is None:
        return
    person.tabs.discard(tab)
    if not person.tabs:
        person.task.cancel()
        del _open[key]


def soon(pk: int) -> None:
    """Something of this person changed: look now."""
    if person := _open.get((asyncio.get_running_loop(), pk)):
        person.asked.set()


def again(pk: int, sessions: Iterable[str], names: Iterable[str]) -> tuple[dict[str, User], Found]:
    """Who is still behind each of a person's sessions, and what they may follow of these. Asks the database."""
    user = User.objects.filter(pk=pk, is_active=True).first()
    if user is None:
        return {}, {}
    rows = Session.objects.filter(session_key__in=list(sessions), expire_date__gt=timezone.now())
    shown = {row.session_key: user for row in rows if _holds(row.get_decoded(), user)}
    return shown, topics.find_all(names, user) if shown else {}


def _holds(session: dict[str, Any], user: User) -> bool:
    key = session.get("_auth_user_hash", "")
    return bool(key) and key == user.get_session_auth_hash() and not lacks_second_factor(user, session)


def _watch(kept: list[Topic]) -> None:
    for topic in kept:
        topic.watch(WATCH)
