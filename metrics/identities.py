"""Which batches were taken, by server and boot: memory ahead of a table, mended from the journal at start."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice

from django.conf import settings
from django.db import connection, transaction

from core.clock import milliseconds, steady
from metrics import ranges
from metrics.models import Accepted, JournalRow, living

Key = tuple[int, str]

DAY = 86_400_000
MOST_HELD = 200_000
READ_AT_ONCE = 2000
EXPIRE_EVERY = 3600.0


class Identities:
    """Alone on the data, memory is the truth between flushes; with other processes the table is."""

    def __init__(self, *, shared: bool) -> None:
        self.shared = shared
        self.taken: dict[Key, ranges.Ranges] = {}  # used last, stands last
        self.dirty: set[Key] = set()
        self.added: list[tuple[Key, int]] = []
        self.expired = float("-inf")

    def load(self, keys: set[Key]) -> None:
        """Have these in memory, before a group is judged."""
        self.added.clear()
        if self.shared:
            self.taken.clear()
            self.dirty.clear()
        missing = sorted(keys - self.taken.keys())
        found = {(row.server_id, row.boot): row.ranges for row in _stored(missing)}
        for key in missing:
            self.taken[key] = found.get(key, [])

    def is_repeat(self, server: int, boot: str, seq: int) -> bool:
        """Whether this batch was taken before; from now on it was."""
        key = (server, boot)
        held = self.taken[key] = self.taken.pop(key)
        if ranges.holds(held, seq):
            return True
        ranges.add(held, seq)
        self.added.append((key, seq))
        self.dirty.add(key)
        return False

    def undo(self) -> None:
        """The group failed: its batches were not taken, all others were."""
        for key, seq in self.added:
            ranges.remove(self.taken[key], seq)
        self.added.clear()
        if self.shared:  # what was read may be old by the next flush: others took batches meanwhile
            self.taken.clear()
            self.dirty.clear()

    def flush(self, at: int, most: int | None = None) -> None:
        """Write what changed, at most so many; what belongs to a server that was removed is dropped."""
        if self.dirty:
            changed = set(islice(self.dirty, most))
            with transaction.atomic():
                self._write(changed, at)
            self.dirty -= changed
        if not self.dirty:
            self._shrink()

    def _write(self, changed: set[Key], at: int) -> None:
        servers = {server for server, _ in changed}
        # Shared, a flush is part of each group: the check costs too much, and a failed group does it.
        alive = servers if self.shared else living(servers)
        rows = []
        for server, boot in sorted(changed):
            if server in alive:
                rows.append(Accepted(server_id=server, boot=boot, ranges=self.taken[server, boot], changed=at))
            else:
                self.taken.pop((server, boot), None)
        Accepted.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["server", "boot"], update_fields=["ranges", "changed"]
        )

    def _shrink(self) -> None:
        """Forget those not used for longest; the table has them."""
        held = 0
        for key in reversed(list(self.taken)):
            held += 1 + len(self.taken[key])
            if held > MOST_HELD:
                del self.taken[key]

    def expire(self, at: int) -> None:
        """Now and then: a boot nobody used for the retention cannot send anything that would be taken."""
        if time.monotonic() - self.expired > EXPIRE_EVERY:
            # By a clock that jumps the numbers of all boots would go, while memory still counts on them.
            Accepted.objects.filter(changed__lt=min(at, steady()) - _kept()).delete()
            self.expired = time.monotonic()

    def mend(self) -> None:
        """At start: the journal knows the batches that were taken after the last flush."""
        flushed = Accepted.objects.order_by("-changed").values_list("changed", flat=True).first()
        # A flush of the future, before the clock was set back, says nothing of what came since: all is read.
        begin = 0 if flushed is None or flushed > milliseconds() else flushed - 120_000
        alive = living()
        rows = JournalRow.objects.all().since(begin).filter(seq__isnull=False)
        told = rows.order_by("pk").values_list("server_id", "boot", "seq").iterator()
        while some := list(islice(told, READ_AT_ONCE)):
            theirs = [row for row in some if row[0] in alive]
            self.load({(server, boot) for server, boot, _ in theirs})
            for server, boot, seq in theirs:
                ranges.add(self.taken[server, boot], seq or 0)
                self.dirty.add((server, boot))


def _kept() -> int:
    """As long as samples may come late."""
    kept: int = settings.KEEP_RAW_DAYS * DAY
    return kept


def _stored(keys: list[Key]) -> Iterable[Accepted]:
    """The rows of these keys and no others: a server may have had thousands of boots."""
    table = connection.ops.quote_name(Accepted._meta.db_table)
    for place in range(0, len(keys), 400):
        part = keys[place : place + 400]
        marks = ",".join(["(%s,%s)"] * len(part))
        yield from Accepted.objects.raw(
            f"SELECT * FROM {table} WHERE (server_id, boot) IN (VALUES {marks})",  # noqa: S608 - our own names
            [value for key in part for value in key],
        )
