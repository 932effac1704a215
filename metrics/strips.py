"""One series out of many plain blobs: each is unpacked, but what is not asked for is never touched."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from metrics import columns, plain
from metrics.codec import CorruptBlob
from metrics.columns import Bytes, Floats, Ints


class Strip(NamedTuple):
    """One column of one blob, not yet made values."""

    times: Ints
    first: int
    decimals: int
    missing: NDArray[np.bool_] | None
    octets: Bytes


def strip(data: bytes | memoryview, key: int) -> Strip | None:
    """None where the blob does not hold it."""
    try:
        return _strip(plain.unpacked(memoryview(data)), key)
    except (ValueError, struct.error, cramjam.DecompressionError) as error:
        raise CorruptBlob(f"A blob of samples is damaged: {error}.") from error


def _strip(whole: plain.Unpacked, key: int) -> Strip | None:
    found = np.flatnonzero(whole.keys == key)
    if not len(found):
        return None
    at, rows, octets = int(found[0]), whole.rows, whole.octets
    _, _, first, decimals, gaps, planes, end = whole.places
    digits = int(octets[decimals + at])
    if digits > columns.BITS:
        raise ValueError("its decimals are none")
    missing = None
    if whole.gaps:
        begin = at * rows
        bits = np.unpackbits(octets[gaps + begin // 8 : gaps + (begin + rows + 7) // 8])
        missing = bits[begin % 8 : begin % 8 + rows].view(np.bool_)
    number = int(octets[first + 8 * at : first + 8 * at + 8].view(np.int64)[0])
    return Strip(whole.times, number, digits, missing, octets[planes:end].reshape(-1, whole.width, rows)[:, at])


def joined(strips: Sequence[Strip]) -> tuple[Ints, Floats]:
    """Times and values end to end: what is the same for all of them is done for all at once."""
    lengths = np.array([len(one.times) for one in strips])
    ends = np.cumsum(lengths)
    starts = ends - lengths
    words = np.zeros(int(ends[-1]), np.uint64)
    into = words.view(np.uint8).reshape(-1, 8)
    for one, begin, end in zip(strips, starts.tolist(), ends.tolist(), strict=True):
        into[begin:end, : len(one.octets)] = one.octets.T
    numbers = columns.unzigzag(words)
    numbers[starts] = [one.first for one in strips]
    np.cumsum(numbers, out=numbers)
    before = np.concatenate([[0], numbers[ends[:-1] - 1]])
    numbers -= np.repeat(before, lengths)
    digits = np.array([one.decimals for one in strips])
    values: Floats = numbers / np.repeat(columns.POWERS[digits], lengths)
    for one, begin, end in zip(strips, starts.tolist(), ends.tolist(), strict=True):
        if one.decimals == columns.BITS:
            values[begin:end] = numbers[begin:end].view(np.float64)
        if one.missing is not None:
            values[begin:end][one.missing] = np.nan
    return np.concatenate([one.times for one in strips]), values
