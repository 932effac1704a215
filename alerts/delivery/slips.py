"""What was taken by its receiver, in a file until the database knows it: a process may be killed in between.

What is written to a file outlives the process, though not a power cut. Each process has a file of its own, locked as
long as it lives; what stands in one that was left behind is marked as sent before it would be sent once more.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction

from alerts.channels.base import Sent
from alerts.delivery import outcome
from alerts.models import Delivery
from core import apart
from core.runner import INSTANCE

log = logging.getLogger(__name__)

FOLDER = "sent"
LARGE = 64_000  # bytes: emptied from here on, at a moment when the database knows all of it
ANSWER = "It was taken; the process ended before that was written down."

Slip = tuple[int, int, str]  # a delivery, which try of it, the provider's name for what it took


class Slips:
    """Those of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.file = -1
        self.size = self.unknown = 0

    def note(self, delivery: Delivery, sent: Sent) -> None:
        """Right after the answer. Where it cannot be written, a kill may repeat the message: no more than that."""
        line = msgspec.json.encode((delivery.pk, delivery.attempts, sent.reference[:200])) + b"\n"
        with self.lock, suppress(OSError):
            self.unknown += 1
            if self.file < 0:
                _folder().mkdir(mode=0o700, exist_ok=True)
                self.file = _locked(_folder() / INSTANCE, os.O_CREAT | os.O_APPEND)
            self.size += os.write(self.file, line)

    def known(self, count: int) -> None:
        """So many of them are in the database."""
        with self.lock, suppress(OSError):
            self.unknown -= count
            if self.size > (LARGE if self.unknown <= 0 else 16 * LARGE):
                os.ftruncate(self.file, 0)
                self.size = 0


slips = Slips()


def take_up(at: datetime) -> None:
    """Mark what stands in the files of processes that are gone."""
    apart.each(sorted(_left_behind()), lambda path: _take_up(path, at), "What was sent before a process ended")


def _left_behind() -> list[Path]:
    with suppress(OSError):
        return [path for path in _folder().iterdir() if path.name != INSTANCE]
    return []


def _take_up(path: Path, at: datetime) -> None:
    try:
        file = _locked(path)
    except OSError:  # its process lives, or another took it up
        return
    try:
        _mark(path.name, _read(path), at)
        path.unlink(missing_ok=True)
    finally:
        os.close(file)


def _read(path: Path) -> list[Slip]:
    found = []
    for line in path.read_bytes().splitlines():
        with suppress(msgspec.MsgspecError):  # the last may be torn
            found.append(msgspec.json.decode(line, type=Slip))
    return found


@transaction.atomic
def _mark(instance: str, found: list[Slip], at: datetime) -> None:
    """The very tries that it held by lease, and nothing that has become something else since."""
    tries = {pk: (attempts, reference) for pk, attempts, reference in found}
    held = Delivery.objects.filter(pk__in=tries, state="waiting", lease_owner=instance)
    taken = [row for row in held.select_related("notice", "channel") if row.attempts == tries[row.pk][0]]
    held.filter(pk__in=[row.pk for row in taken]).update(lease_owner=INSTANCE)
    outcome.sent([(row, Sent(ANSWER, tries[row.pk][1])) for row in taken], at)
    if taken:
        log.warning("%d messages were sent by a process that ended before it wrote that down", len(taken))


def _folder() -> Path:
    return Path(settings.DATA) / FOLDER


def _locked(path: Path, more: int = 0) -> int:
    """Open and held; OSError where another holds it."""
    file = os.open(path, os.O_RDWR | more, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
