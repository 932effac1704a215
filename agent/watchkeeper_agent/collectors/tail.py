"""What was added to a log file since the last look, through every kind of rotation, within bounds."""

from __future__ import annotations

import math
import os
import stat
import time
import zlib
from itertools import islice
from typing import Any, Callable

PIECE = 256 << 10
HEAD = 256
MOST_ENTRIES = 5000
Take = Callable[[bytes], None]


class Tail:
    """One path. It is known again by device, inode and its first bytes; what is not read is counted."""

    def __init__(self, path: str, known: Any = None, *, fresh: bool = False) -> None:
        self.path = path
        self.fresh = fresh  # made while we looked: all of it is new
        self.place: tuple[int, int] | None = None
        self.offset = 0
        self.head = 0
        self.headed = 0
        self.within = False  # a line too long to be held: up to its end nothing counts
        self.skipped = 0
        self.missed = 0
        self.until = math.inf
        if isinstance(known, list) and len(known) == 5 and all(isinstance(one, int) for one in known):
            self.place, (self.offset, self.head, self.headed) = (known[0], known[1]), known[2:]

    def known(self) -> list[int] | None:
        """To be handed in again after a restart."""
        return [*self.place, self.offset, self.head, self.headed] if self.place else None

    def read(self, budget: int, take: Take, until: float = math.inf) -> None:
        """Hand over what is new in whole lines, at most about so many bytes and until about then.

        OSError where it cannot be read.
        """
        self.until = until
        with _Opened(self.path) as now:
            if self.place and self.place != now.place:
                self._finish(budget, take)
                self._begin(0)
            elif self.place is None:
                self._begin(0 if self.fresh else now.size)
                self.within = now.torn(self.offset)
            elif now.size < self.offset or now.crc(self.headed) != self.head:
                self._begin(0)  # emptied, perhaps filled again since
            self.place, self.fresh = now.place, False
            self._more(now, budget, take)
            self.headed = min(HEAD, self.offset)
            self.head = now.crc(self.headed)

    def _begin(self, offset: int) -> None:
        self.offset, self.within = offset, False

    def _finish(self, budget: int, take: Take) -> None:
        """The rest of the one that was moved away to a name that begins like its own."""
        path = self._moved()
        try:
            with _Opened(path or "") as old:
                if old.place == self.place and old.size >= self.offset:
                    self._more(old, budget, take)
                    if old.size > self.offset and not self.within:
                        take(old.read(PIECE, self.offset) + b"\n")  # its last line got no end
        except OSError:
            return

    def _moved(self) -> str | None:
        folder, base = os.path.split(self.path)
        try:
            with os.scandir(folder or ".") as entries:
                for entry in islice(entries, MOST_ENTRIES):
                    if entry.name.startswith(base) and self.place and entry.inode() == self.place[1]:
                        return entry.path
        except OSError:
            return None
        return None

    def _more(self, now: _Opened, budget: int, take: Take) -> None:
        left = budget
        while left > 0 and self.offset < now.size:
            if time.monotonic() > self.until:
                left = 0
                break
            piece = now.read(min(PIECE, now.size - self.offset), self.offset)
            whole = self._whole(piece)
            if not whole:
                return
            self.offset += whole
            left -= whole
            lines = piece[:whole]
            if self.within:
                end = lines.find(b"\n")
                self.within = end < 0
                lines = b"" if end < 0 else lines[end + 1 :]
            elif not lines.endswith(b"\n"):
                self.within = True
            if lines:
                take(lines)
        if left <= 0 and now.size - self.offset > PIECE:
            self.skipped += now.size - self.offset
            self.offset, self.within = now.size, now.torn(now.size)

    def _whole(self, piece: bytes) -> int:
        """How much of it to take: up to its last end of a line; a line that fills it all is cut."""
        end = piece.rfind(b"\n") + 1
        return end or (len(piece) if len(piece) >= PIECE or self.within else 0)


class _Opened:
    """A plain file, opened without waiting for whoever might hold it up."""

    def __init__(self, path: str) -> None:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self.descriptor = os.open(path, flags)
        state = os.fstat(self.descriptor)
        self.place, self.size = (state.st_dev, state.st_ino), state.st_size
        if not stat.S_ISREG(state.st_mode):
            os.close(self.descriptor)
            raise OSError(0, "it is no plain file")

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def read(self, size: int, offset: int) -> bytes:
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        return os.read(self.descriptor, size)

    def torn(self, offset: int) -> bool:
        """Whether this place is in the middle of a line."""
        return offset > 0 and self.read(1, offset - 1) != b"\n"

    def crc(self, size: int) -> int:
        return zlib.crc32(self.read(size, 0)) if size else 0
