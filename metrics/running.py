"""This process's one journal writer, started by the first post or at the start of the server."""

from __future__ import annotations

import threading

from django.conf import settings
from django.db import connection

from metrics.journal import Writer

_lock = threading.Lock()
_held: list[Writer] = []


def writer(*, hears: bool = True) -> Writer:
    """The running writer; daphne sends no start signal, so whoever comes first starts it. Not on a loop.

    One that does not hear machines stores what we find out ourselves, and holds none of their newest rows.
    """
    with _lock:
        if not _held or not _held[0].is_alive():
            shared = not settings.EMBEDDED or connection.vendor != "sqlite"
            fresh = Writer(shared=shared, hears=hears or not shared)
            fresh.mend()
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
