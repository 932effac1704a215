"""Bodies as they come: declared length checked, unpacked in pieces with a hard cap, one layer only."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import cramjam

from core.errors import Failure

MOST_RECEIVED = 8 << 20
MOST_UNPACKED = 16 << 20
MOST_MEMBERS = 10_000  # of a gzip body; empty ones cost time and no bytes
_PIECE = 64 << 10
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class TooLarge(Failure):
    status = 413
    code = "too_large"


class Undecodable(Failure):
    status = 400
    code = "undecodable"


def unpack(body: bytes, encoding: str) -> bytes:
    """The plain body; an empty one is empty under every encoding."""
    if not body or encoding in {"", "identity"}:
        return body
    if encoding in {"gzip", "x-gzip"}:
        return _gunzip(body)
    if encoding == "zstd":
        return _unzstd(body)
    raise Undecodable(f"Content-Encoding {encoding!r:.40} is not known. Send gzip, zstd or none.", status=415)


def _too_large() -> TooLarge:
    return TooLarge(f"The body unpacks to more than {MOST_UNPACKED >> 20} MiB. Send smaller batches.")


def _gunzip(body: bytes) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _members(body):
            size += len(piece)
            if size > MOST_UNPACKED:
                raise _too_large()
            pieces.append(piece)
    except zlib.error as error:
        raise Undecodable("The body is not valid gzip.") from error
    return b"".join(pieces)


def _members(body: bytes) -> Iterator[bytes]:
    """Piece by piece; what a shipper packed in parts is one body (RFC 1952, 2.2)."""
    place, view = 0, memoryview(body)
    for _ in range(MOST_MEMBERS):
        opener = zlib.decompressobj(wbits=31)
        while place < len(body) and not opener.eof:
            given = view[place : place + _PIECE]
            yield opener.decompress(given, _PIECE)
            place += len(given) - len(opener.unconsumed_tail) - len(opener.unused_data)
        if not opener.eof:
            raise Undecodable("The gzip body ends too early.")
        if place == len(body):
            return
    raise Undecodable(f"The gzip body has more than {MOST_MEMBERS:,} parts.")


def _unzstd(body: bytes) -> bytes:
    declared = _zstd_size(body)
    if declared is not None and declared > MOST_UNPACKED:
        raise _too_large()
    target = memoryview(bytearray(min(declared, MOST_UNPACKED) if declared is not None else MOST_UNPACKED))
    try:
        # A frame may lie about its size: it is unpacked into room of a fixed size and never beyond.
        count = cramjam.zstd.decompress_into(body, target)
    except cramjam.DecompressionError as error:
        if "too small" in str(error) or "whole buffer" in str(error):
            raise _too_large() from error
        raise Undecodable("The body is not valid zstd.") from error
    return bytes(target[:count])


def _zstd_size(body: bytes) -> int | None:
    """The content size in the frame header, where it is given (RFC 8878, 3.1.1.1)."""
    if len(body) < 6 or body[:4] != _ZSTD_MAGIC:
        raise Undecodable("The body is not valid zstd.")
    flags = body[4]
    single = bool(flags & 0x20)
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    if not width:
        return None
    size = int.from_bytes(body[start : start + width], "little")
    return size + 256 if width == 2 else size
