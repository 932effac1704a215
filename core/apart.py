"""Rows done together; where that fails each is done alone, and the odd one is said and passed over."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import InterfaceError, OperationalError

log = logging.getLogger(__name__)

T = TypeVar("T")

Down = tuple[type[Exception], ...]
DOWN: Down = (OperationalError, InterfaceError)  # the database: nothing can be done now, and no row is to blame

# Of SQLite: what we asked was wrong. The rest is a lock, a disk or a file.
OUR_FAULT = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE}


def passing(error: BaseException | None) -> bool:
    """Whether the database is only busy or away: whoever asked tries again, and no line of ours is to blame."""
    if not isinstance(error, DOWN):
        return False
    cause = error.__cause__
    if not isinstance(cause, sqlite3.Error):
        return True
    return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF not in OUR_FAULT


def each(rows: Iterable[T], do: Callable[[T], object], what: str, *, down: Down = DOWN) -> list[T]:
    """Do each by itself; gives those that could not be done, which holds up no other. `down` ends it all."""
    odd = []
    for row in rows:
        try:
            do(row)
        except down:
            raise
        except Exception:
            log.exception("%s is passed over and tried again later: %s", what, row)
            odd.append(row)
    return odd


def together(rows: Iterable[T], do: Callable[[list[T]], object], what: str, *, down: Down = DOWN) -> list[T]:
    """Do all in one, which must leave nothing where it fails; then each alone. Gives those that could not be done."""
    some = list(rows)
    try:
        do(some)
    except down:
        raise
    except Exception:
        if len(some) > 1:
            log.exception("%s: not all together; each is done alone", what)
        return each(some, lambda one: do([one]), what, down=down)
    return []
