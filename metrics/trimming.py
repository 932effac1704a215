"""Deleting what is sealed from the journal, without writing again every page it stood on."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Length

from metrics.models import JournalRow

AT_ONCE = 2000
MOST_PUT_BACK = 8000
MOST_BYTES_PUT_BACK = 6 << 20
BREATH = 0.005  # SQLite: others get in between two of our writes


def trim(sealed: int) -> None:
    """Delete the rows up to here; the newest stays, so that ids grow on."""
    rows = JournalRow.objects.order_by("pk").values_list("pk", flat=True)
    first, newest = rows.first(), rows.last()
    if first is None or newest is None or first > min(sealed, newest - 1):
        return
    last = min(sealed, newest - 1)
    if connection.vendor == "sqlite" and _few_are_left(first, last, newest):
        _empty_and_put_back(last)
        return
    for place in range(first, last + 1, AT_ONCE):
        JournalRow.objects.filter(pk__gte=place, pk__lte=min(last, place + AT_ONCE - 1)).delete()
        time.sleep(BREATH)


def _few_are_left(first: int, last: int, newest: int) -> bool:
    if newest - last > min(MOST_PUT_BACK, (last - first + 1) // 2):
        return False
    left = JournalRow.objects.filter(pk__gt=last)
    size: int = sum(left.values_list(Length("rows"), flat=True))
    return size < MOST_BYTES_PUT_BACK


@transaction.atomic
def _empty_and_put_back(last: int) -> None:
    """SQLite writes each page from which it deletes rows one by one; an emptied table's pages it only lets go."""
    table = connection.ops.quote_name(JournalRow._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE id > %s ORDER BY id", [last])  # noqa: S608 - our own name
        left: list[tuple[Any, ...]] = cursor.fetchall()
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own name
        marks = ",".join(["%s"] * len(left[0]))
        cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", left)  # noqa: S608 - our own name
