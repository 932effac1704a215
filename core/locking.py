"""Hold rows while they are changed, the one way that never waits for another's foreign keys."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection
from django.db.models import Manager, Model, QuerySet

M = TypeVar("M", bound=Model)
P = ParamSpec("P")
R = TypeVar("R")

TRIES = 5
PAUSE = 0.05  # seconds, at most, times the try
GIVEN_UP = {"40P01", "40001"}  # PostgreSQL: a deadlock, or what could not be put in an order


def locked(rows: QuerySet[M] | Manager[M], *, skip: bool = False) -> QuerySet[M]:
    """These rows, locked to the end of the transaction; with `skip` without those that another holds.

    Whoever writes a row that points at ours asks PostgreSQL for its key, often only at the commit: a full lock would
    make that wait, and two that wait so for each other are a deadlock. Keys never change here, so less is enough.
    """
    return rows.select_for_update(skip_locked=skip, of=("self",), no_key=True)


def settle() -> None:
    """Have the database look now at what points to other rows, which it else does at the commit of the whole.

    Within a smaller part of a transaction only that part fails then. SQLite has one writer: nothing goes meanwhile.
    """
    if connection.vendor == "postgresql":
        connection.check_constraints()


def again(work: Callable[P, R]) -> Callable[P, R]:
    """Do this transaction once more where the database gave it up for another: whoever asked sees no error.

    Within a greater transaction it cannot be done again alone: whoever began that one does.
    """

    @wraps(work)
    def tried(*args: P.args, **named: P.kwargs) -> R:
        for number in range(1, TRIES):
            try:
                return work(*args, **named)
            except OperationalError as error:
                if connection.in_atomic_block or getattr(error.__cause__, "pgcode", None) not in GIVEN_UP:
                    raise
            time.sleep(random.uniform(0, PAUSE * number))  # noqa: S311 - so that two do not meet again
        return work(*args, **named)

    return tried
