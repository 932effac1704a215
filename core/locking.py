"""Hold rows while they are changed, the one way that never waits for another's foreign keys."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Manager, Model, QuerySet

M = TypeVar("M", bound=Model)


def locked(rows: QuerySet[M] | Manager[M], *, skip: bool = False) -> QuerySet[M]:
    """These rows, locked to the end of the transaction; with `skip` without those that another holds.

    Whoever writes a row that points at ours asks PostgreSQL for its key, often only at the commit: a full lock would
    make that wait, and two that wait so for each other are a deadlock. Keys never change here, so less is enough.
    """
    return rows.select_for_update(skip_locked=skip, of=("self",), no_key=True)
