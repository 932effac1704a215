"""This process's one journal writer, started by the first post or at the start of the server."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings
from django.db import connection

from metrics.journal import Entry, Writer
from metrics.latest import latest

_lock = threading.Lock()
_held: list[Writer] = []
_listeners: list[Callable[[list[Entry]], None]] = []


def on_commit(listener: Callable[[list[Entry]], None]) -> None:
    """Told of every stored group, in the writer's thread: be quick."""
    if listener not in _listeners:
        _listeners.append(listener)


def writer() -> Writer:
    """The running writer; daphne sends no start signal, so whoever comes first starts it."""
    with _lock:
        if not _held or not _held[0].is_alive():
            shared = not settings.EMBEDDED or connection.vendor != "sqlite"
            fresh = Writer(shared=shared, committed=_tell)
            if not shared:
                fresh.identities.mend()
            latest.mend()
            fresh.start()
            _held[:] = [fresh]
        return _held[0]


def running() -> Writer | None:
    return _held[0] if _held and _held[0].is_alive() else None


def stop(seconds: float = 3.0) -> None:
    with _lock:
        for held in _held:
            held.end(seconds)
        _held.clear()


def _tell(group: list[Entry]) -> None:
    for listener in _listeners:
        listener(group)
