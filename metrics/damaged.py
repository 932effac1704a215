"""Reading blobs of which one may be damaged: it is told of and left out, and all others are answered."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable
from contextlib import suppress

import numpy as np

from metrics import blob, codec, pieces, strips, tiers
from metrics.codec import CorruptBlob, Part
from metrics.layouts import Known, layouts
from metrics.models import Layout
from metrics.rollups import Ints, Rolled

log = logging.getLogger(__name__)

TOLD_EVERY = 60.0
_NONE: Ints = np.array([], np.int64)
_EMPTY = np.empty((0, 0))

_told = float("-inf")


def row(number: int, layout_id: int, data: bytes | memoryview) -> tuple[Known, blob.Times, blob.Values] | None:
    """A row of the journal; none, and it is told, where its layout is gone or it holds no sample."""
    with suppress(Layout.DoesNotExist):
        layout = layouts.by(layout_id)
        times, values = blob.unpack(data, len(layout.columns))
        if len(times):
            return layout, times, values
    _tell(f"Row {number} of the journal cannot be read.")
    return None


def newest(server: int, layout_id: int, values: bytes | memoryview) -> tuple[Known, blob.Values] | None:
    """The newest row of a server as it is kept; none, and it is told, where it does not fit its layout."""
    with suppress(Layout.DoesNotExist):
        layout = layouts.by(layout_id)
        if len(values) == 8 * len(layout.columns):
            return layout, np.frombuffer(values, "<f8")
    _tell(f"The newest row of server {server} cannot be read.")
    return None


def keys(data: bytes | memoryview) -> Ints:
    """As `codec.keys`; none of a damaged blob."""
    try:
        return codec.keys(data)
    except CorruptBlob as fault:
        _tell(fault)
        return _NONE


def samples(data: bytes | memoryview, series: Collection[int] | None = None) -> Part:
    """As `tiers.read`; nothing of a damaged blob."""
    try:
        return tiers.read(data, series)
    except CorruptBlob as fault:
        _tell(fault)
        return Part(_NONE, _NONE, _EMPTY)


def series(blobs: Iterable[bytes | memoryview], key: int) -> Part:
    """One series of plain blobs, in the order in which they stand; without those that are damaged."""
    found = []
    for data in blobs:
        try:
            found.append(strips.strip(data, key))
        except CorruptBlob as fault:
            _tell(fault)
    there = [one for one in found if one is not None]
    if not there:
        return Part(_NONE, _NONE, _EMPTY)
    times, values = strips.joined(there)
    return Part(times, np.array([key]), values[:, None])


def buckets(data: bytes | memoryview, series: Collection[int] | None = None) -> Rolled:
    """As `tiers.unpack`; nothing of a damaged blob."""
    try:
        return tiers.unpack(data, series)
    except CorruptBlob as fault:
        return _nothing(fault)


def piece(data: bytes | memoryview, span: int) -> Rolled:
    """As `pieces.unpack`; nothing of a damaged blob."""
    try:
        return pieces.unpack(data, span)
    except CorruptBlob as fault:
        return _nothing(fault)


def of_bundle(data: bytes | memoryview, span: int, series: int) -> Rolled:
    """As `pieces.of_bundle`; nothing of a damaged blob."""
    try:
        return pieces.of_bundle(data, span, series)
    except CorruptBlob as fault:
        return _nothing(fault)


def _nothing(fault: CorruptBlob) -> Rolled:
    _tell(fault)
    return Rolled(_NONE, _NONE, _EMPTY, _EMPTY, _EMPTY, _EMPTY)


def _tell(fault: CorruptBlob | str) -> None:
    """Not for each look of each page."""
    global _told  # noqa: PLW0603 - one a process
    if time.monotonic() - _told > TOLD_EVERY:
        _told = time.monotonic()
        log.error("A part of the store is damaged and left out of the answer; check the disk. %s", fault)
