"""Rows done together; where that fails each is done alone, and the odd one is said and passed over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import InterfaceError, OperationalError

log = logging.getLogger(__name__)

T = TypeVar("T")

Down = tuple[type[Exception], ...]
DOWN: Down = (OperationalError, InterfaceError)  # the database: nothing can be done now, and no row is to blame


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
