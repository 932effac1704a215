"""Files of framed records: length, CRC32, payload; whatever is damaged ends the file there, never earlier."""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

MAGIC = b"WKSPOOL1"
HEAD = struct.Struct(">II")
LARGEST = 8 << 20


def frame(payload: bytes) -> bytes:
    return HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def next_record(file: BinaryIO) -> bytes | None:
    """The record at the file's position; None at the end and at the first damage."""
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    length, check = HEAD.unpack(head)
    # Zeros are what a power cut leaves behind, and the CRC32 of nothing is zero: no record is empty.
    if not 0 < length <= LARGEST:
        return None
    payload = file.read(length)
    return payload if len(payload) == length and zlib.crc32(payload) == check else None


def records(path: str) -> Iterator[tuple[int, bytes]]:
    """(offset, payload) of every record up to the first damage."""
    with open(path, "rb") as file:
        file.seek(len(MAGIC))  # for people and tools; what is true is said by each record's own check
        while True:
            offset = file.tell()
            payload = next_record(file)
            if payload is None:
                return
            yield offset, payload


def read_at(path: str, offset: int) -> bytes | None:
    with open(path, "rb") as file:
        file.seek(offset)
        return next_record(file)


class Writer:
    """The end of one file; a write is whole or taken back."""

    def __init__(self, path: str, size: int = 0) -> None:
        """Open it, cut after `size` good bytes."""
        self.path = path
        # Windows would write \r\n for each byte that looks like the end of a line.
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self.size = size
        self.synced = False
        self.listed = bool(size)  # whether the folder itself is known to be on the disk
        try:
            os.ftruncate(self.file, size)
            os.lseek(self.file, size, os.SEEK_SET)
            if not size:
                self._write(MAGIC)
        except OSError:
            os.close(self.file)
            raise

    def append(self, payload: bytes) -> int:
        """Add one record and say where it begins."""
        offset = self.size
        self._write(frame(payload))
        return offset

    def _write(self, content: bytes) -> None:
        written = 0
        try:
            while written < len(content):
                written += os.write(self.file, content[written:])
        except OSError:  # the disk is full: half a record would hide all that follow
            os.ftruncate(self.file, self.size)
            os.lseek(self.file, self.size, os.SEEK_SET)
            raise
        self.size += len(content)
        self.synced = False

    def sync(self) -> None:
        if not self.synced:
            self.synced = True
            os.fsync(self.file)
            if not self.listed:
                self.listed = True
                _sync_folder(os.path.dirname(self.path))

    def close(self) -> None:
        self.sync()
        os.close(self.file)


def _sync_folder(folder: str) -> None:
    """The name of a new file must outlive a power cut, too; Windows has no such thing."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Ranges:
    """A set of whole numbers as few [first, last] pairs, which is what acknowledged rows are."""

    def __init__(self, pairs: list[list[int]] | None = None) -> None:
        self.pairs = [list(pair) for pair in pairs or []]

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in reversed(self.pairs))

    def add(self, number: int) -> None:
        if number in self:
            return
        self.pairs.append([number, number])
        self.pairs.sort()
        joined: list[list[int]] = []
        for first, last in self.pairs:
            if joined and first <= joined[-1][1] + 1:
                joined[-1][1] = max(joined[-1][1], last)
            else:
                joined.append([first, last])
        self.pairs = joined

    def after(self, number: int) -> int:
        """The first number from this one on that is not in the set."""
        for first, last in self.pairs:
            if first <= number <= last:
                return last + 1
        return number

    def forget_below(self, number: int) -> None:
        self.pairs = [[max(first, number), last] for first, last in self.pairs if last >= number]

    def count(self, first: int, last: int) -> int:
        """How many numbers from first to last are in the set."""
        return sum(max(0, min(last, b) - max(first, a) + 1) for a, b in self.pairs)
