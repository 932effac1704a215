"""Samples as a small blob: times and columns of numbers, kept to the last bit, read column by column.

Head | directory | low bits of each column | frames: what stands above the low bits, a few columns together.
Columns stand in the order of their size, not as they were given: alike ones share a frame and its table of symbols.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from metrics import columns, plain
from metrics.columns import Bytes, Floats, Ints, Plan, Words

VERSION = 1
PLAIN = bytes([plain.VERSION])
# version, columns, rows, patterns of gaps, frames, size of the directory unpacked, and packed; then a check sum
HEAD = struct.Struct("<BIIIIII")
SUM = struct.Struct("<I")
# A few bytes can claim to be a billion equal samples: reading must not fill the memory.
MOST_CELLS = 1 << 25
LEVEL = 1
SHORT, WIDE = 64, 64
# The form of a column is one number: decimals, "around its mean", low bits + 1 (0 = a straight line, nothing stored).
FLAT, LOW = 8, 16
# Directory: six numbers of each column, then four of each frame.
OF_COLUMN, OF_FRAME = 6, 4


class CorruptBlob(ValueError):
    """What was stored cannot be read; the text says why."""


class Part(NamedTuple):
    """Columns of one blob, in its order: values[row, column], NaN where nothing was measured."""

    times: Ints
    keys: Ints
    values: Floats


class Group(NamedTuple):
    """Columns of the same number of rows; gap 0 = no gap, else the pattern of its gaps."""

    places: Ints
    gaps: Ints
    table: Floats


class Packed(NamedTuple):
    """Columns as they are stored, in their new order: forms, units, bases, firsts; low bits; frames."""

    order: Ints
    numbers: Ints
    low: bytes
    frames: list[Frame]


class Frame(NamedTuple):
    columns: int
    planes: int
    check: int
    stream: bytes


class Blob(NamedTuple):
    """An opened blob: what its directory says, and the bytes behind it."""

    times: Ints
    keys: Ints
    gaps: Ints
    low: Ints
    plan: Plan
    frames: Ints
    masks: NDArray[np.bool_]
    body: memoryview


def encode(times: Ints, keys: Sequence[int] | Ints, values: Floats, *, frame: int = 8) -> bytes:
    """Pack n rows of m columns; at least `frame` columns are unpacked together when one of them is read."""
    table = np.ascontiguousarray(np.asarray(values, np.float64).T)
    count, rows = table.shape
    if len(times) != rows or len(keys) != count or max(table.size, rows, count) > MOST_CELLS:
        raise ValueError(f"{len(times)} times and {len(keys)} keys do not fit {rows} rows of {count} columns.")
    # A frame of few rows is too small for a table of symbols of its own.
    frame = frame if rows > SHORT else max(frame, WIDE)
    patterns, groups = _groups(table if rows else np.zeros((count, 1)))
    packed = [_pack(group.table, frame) for group in groups]
    frames = [one for done in packed for one in done.frames]
    fields = [_bends(np.asarray(times, np.int64))]
    if groups:
        places = np.concatenate([group.places[done.order] for group, done in zip(groups, packed, strict=True)])
        gaps = np.concatenate([group.gaps[done.order] for group, done in zip(groups, packed, strict=True)])
        numbers = np.concatenate([done.numbers for done in packed], axis=1)
        fields += [np.asarray(keys, np.int64)[places], gaps, numbers.ravel()]
    listed = np.array([(*one[:3], len(one.stream)) for one in frames], np.int64).reshape(-1, OF_FRAME)
    directory = _shuffled(np.concatenate([*fields, listed.T.ravel()])) + patterns.tobytes()
    small = bytes(cramjam.zstd.compress(directory, LEVEL))
    sizes = (count, rows, len(patterns), len(frames), len(directory), len(small))
    head = HEAD.pack(VERSION, *sizes)
    check = SUM.pack(zlib.crc32(small, zlib.crc32(head)))
    return b"".join((head, check, small, *(done.low for done in packed), *(one.stream for one in frames)))


def keys(data: bytes | memoryview) -> Ints:
    """The keys of a blob in its order."""
    return _plain(data).keys if is_plain(data) else _opened(data).keys


def is_plain(data: bytes | memoryview) -> bool:
    """Whether this is the form of what waits to be merged."""
    return bytes(data[:1]) == PLAIN


def _plain(data: bytes | memoryview) -> plain.Opened:
    try:
        return plain.opened(memoryview(data))
    except (ValueError, struct.error, cramjam.DecompressionError) as error:
        raise CorruptBlob(f"A blob of samples is damaged: {error}.") from error


def read(data: bytes | memoryview, keys: Collection[int] | None = None) -> Part:
    """The asked columns of a blob (all of them without `keys`); a key it does not hold is left out."""
    if is_plain(data):
        found = _plain(data)
        named, values = plain.chosen(found, keys)
        return Part(found.times, named, values.T)
    blob = _opened(data)
    chosen = np.arange(len(blob.keys))
    if keys is not None:
        asked = set(keys)
        chosen = chosen[[key in asked for key in blob.keys.tolist()]]
    try:
        return Part(blob.times, blob.keys[chosen], _values(blob, chosen))
    except (ValueError, IndexError, cramjam.DecompressionError) as error:
        raise CorruptBlob(f"A blob of samples cannot be read: {error}") from error


# Writing


def _groups(table: Floats) -> tuple[Bytes, list[Group]]:
    """The patterns of gaps (a bit for each row), and the columns by how many rows they have."""
    count, rows = table.shape
    missing = np.isnan(table)
    gone = missing.any(1)
    patterns = np.zeros((0, 0), np.uint8)
    if not gone.any():
        return patterns, [Group(np.arange(count), np.zeros(count, np.int64), table)] if count else []
    table = np.where(missing, np.nan, table)
    holed = np.flatnonzero(gone & ~missing.all(1))
    lengths, gaps = np.full(count, rows), np.zeros(count, np.int64)
    if holed.size:
        there = ~missing[holed]
        patterns, place = np.unique(np.packbits(there, axis=1), axis=0, return_inverse=True)
        gaps[holed] = place.reshape(-1) + 1
        lengths[holed] = _padded(there.sum(1), rows)
        table[holed] = _dense(table[holed], there)
    groups = []
    for length in np.unique(lengths).tolist():
        mine = np.flatnonzero(lengths == length)
        groups.append(Group(mine, gaps[mine], table[mine, :length]))
    return patterns, groups


def _padded(lengths: Ints, rows: int) -> Ints:
    """Lengths rounded up to an eighth of the rows, so that columns with gaps can still share frames."""
    step = 8 * (rows // 64) or rows
    padded: Ints = np.minimum(rows, -(-lengths // step) * step)
    return padded


def _dense(table: Floats, there: NDArray[np.bool_]) -> Floats:
    """What was measured first, then the last of it again and again."""
    order = np.argsort(~there, axis=1, kind="stable")
    upto = np.minimum(np.arange(table.shape[1]), there.sum(1)[:, None] - 1)
    return np.take_along_axis(table, np.take_along_axis(order, upto, axis=1), axis=1)


def _pack(table: Floats, frame: int) -> Packed:
    plan, words = columns.shrink(table)
    size = words.mean(1)
    low = np.where(words.any(1), columns.low_bits(size), -1)
    order = np.argsort(size, kind="stable")
    low, words = low[order], words[order]
    form = plan.decimals[order] + FLAT * plan.flat[order] + LOW * (low + 1)
    numbers = np.stack([form, plan.unit[order], plan.base[order], plan.first[order]])
    live = int((low < 0).sum())
    low, words = low[live:], words[live:]
    packed = [columns.pack_low(words[a:b], int(low[a])) for a, b in _runs(low) if low[a]]
    # What the frame's check sum covers beside its stream: the low bits of its columns.
    bits = b"".join(part.tobytes() for part in packed)
    ends = np.append(0, np.cumsum(columns.low_size(np.int64(words.shape[1]), low)))
    words >>= low[:, None].astype(np.uint64)
    frames = []
    for start in range(0, len(words), frame):
        some = words[start : start + frame]
        planes = (int(some.max()).bit_length() + 7) // 8
        octets = some.view(np.uint8).reshape(*some.shape, 8)[:, :, :planes].transpose(2, 0, 1)
        stream = bytes(cramjam.zstd.compress(octets.tobytes(), LEVEL))
        check = zlib.crc32(stream, zlib.crc32(bits[ends[start] : ends[start + len(some)]]))
        frames.append(Frame(len(some), planes, check, stream))
    return Packed(order, numbers, bits, frames)


def _runs(numbers: Ints, *, apart: int = 0) -> Iterator[tuple[int, int]]:
    """From where to where neighbours are equal (apart=1: each is one more than the one before)."""
    if len(numbers) == 1:
        return iter(((0, 1),))
    cuts = np.flatnonzero(numbers[1:] - numbers[:-1] != apart) + 1
    edges = [0, *cuts.tolist(), len(numbers)]
    return itertools.pairwise(edges) if len(numbers) else iter(())


def _bends(times: Ints) -> Ints:
    """Times as their first, their first step and then how much each step differs from the one before."""
    steps = np.diff(times, prepend=np.int64(0))
    return np.concatenate([steps[:2], np.diff(steps[1:])])


def _shuffled(numbers: Ints) -> bytes:
    """The numbers of a directory: how wide the widest is, then all their lowest bytes, then the next ones."""
    words = columns.zigzag(numbers)
    width = (int(words.max(initial=0)).bit_length() + 7) // 8
    return bytes([width]) + words.view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes()


# Reading


def _opened(data: bytes | memoryview) -> Blob:
    view = memoryview(data)
    try:
        version, count, rows, patterns, frames, size, small = HEAD.unpack_from(view)
        if version != VERSION:
            raise CorruptBlob(f"A blob of samples has the version {version}, which is not known.")
        bound = 9 * (rows + OF_COLUMN * count + OF_FRAME * frames + 11) + patterns * ((rows + 7) // 8)
        if max(rows, count, count * rows) > MOST_CELLS or max(frames, patterns) > count or size > bound:
            raise CorruptBlob("A blob of samples is damaged: its head says it is larger than any that is written.")
        start = HEAD.size + SUM.size
        packed = view[start : start + small]
        if SUM.unpack_from(view, HEAD.size) != (zlib.crc32(packed, zlib.crc32(view[: HEAD.size])),):
            raise CorruptBlob("A blob of samples is damaged: the sum of its directory is wrong.")
        return _listed(_unzipped(packed, size), (count, rows, patterns, frames), view[start + small :])
    except (ValueError, IndexError, struct.error, cramjam.DecompressionError) as error:
        if isinstance(error, CorruptBlob):
            raise
        raise CorruptBlob(f"A blob of samples cannot be read: {error}") from error


def _listed(directory: Bytes, sizes: tuple[int, int, int, int], body: memoryview) -> Blob:
    count, rows, patterns, frames = sizes
    amount = rows + OF_COLUMN * count + OF_FRAME * frames
    width, octets = int(directory[0]), (rows + 7) // 8
    words = np.zeros((amount, 8), np.uint8)
    words[:, :width] = directory[1 : 1 + width * amount].reshape(width, amount).T
    numbers = columns.unzigzag(words.view(np.uint64).ravel())
    times, listed = numbers[:rows], numbers[rows : rows + OF_COLUMN * count].reshape(OF_COLUMN, count)
    np.cumsum(times[1:], out=times[1:])
    np.cumsum(times, out=times)
    masks = np.zeros((0, rows), np.bool_)
    if patterns:
        bits = directory[1 + width * amount :].reshape(patterns, octets)
        masks = np.unpackbits(bits, axis=1, count=rows).view(np.bool_)
    names, gaps, form, unit, base, first = listed
    plan = Plan(form % FLAT, unit, form // FLAT % 2, base, first)
    return Blob(
        times,
        names,
        gaps,
        form // LOW - 1,
        plan,
        numbers[amount - OF_FRAME * frames :].reshape(OF_FRAME, frames),
        masks,
        body,
    )


def _unzipped(stream: memoryview, size: int) -> Bytes:
    room = bytearray(size)
    # Into room of a fixed size: a stream may lie about how much it holds.
    if size and cramjam.zstd.decompress_into(stream, memoryview(room)) != size:
        raise CorruptBlob("A blob of samples is damaged: a part of it is shorter than it should be.")
    return np.frombuffer(room, np.uint8)


def _values(blob: Blob, chosen: Ints) -> Floats:
    rows = len(blob.times)
    if not rows or not len(chosen):
        return np.empty((rows, len(chosen)))
    if not len(blob.masks):
        return _table(blob, Body(blob, np.int64(rows)), chosen, rows).T
    values = np.empty((len(chosen), rows))
    dense = np.append(rows, _padded(blob.masks.sum(1), rows))[blob.gaps]
    body = Body(blob, dense)
    for length in np.unique(dense[chosen]).tolist():
        mine = np.flatnonzero(dense[chosen] == length)
        table = _table(blob, body, chosen[mine], length)
        for at, gap, column in zip(mine.tolist(), blob.gaps[chosen[mine]].tolist(), table, strict=True):
            if gap:
                mask = blob.masks[gap - 1]
                values[at] = np.nan
                values[at, mask] = column[: int(mask.sum())]
            else:
                values[at] = column
    return values.T


def _table(blob: Blob, body: Body, places: Ints, rows: int) -> Floats:
    plan = blob.plan if len(places) == len(blob.keys) else Plan(*(field[places] for field in blob.plan))
    return columns.grow(plan, body.words(places, rows))


class Body:
    """The low bits and the frames of an opened blob."""

    def __init__(self, blob: Blob, rows: Ints | np.int64) -> None:
        self.blob = blob
        live = blob.low >= 0
        self.rank = live.cumsum() - 1
        self.sizes = columns.low_size(rows, np.maximum(blob.low, 0))
        self.ends = self.sizes.cumsum()
        of_frame, _planes, _checks, lengths = blob.frames
        self.last = of_frame.cumsum()
        if of_frame.sum() != live.sum() or of_frame.min(initial=1) < 1 or lengths.min(initial=0) < 0:
            raise CorruptBlob("A blob of samples is damaged: its frames do not fit its columns.")
        self.streams = lengths.cumsum() - lengths + self.ends[-1]

    def words(self, places: Ints, rows: int) -> Words:
        """The whole numbers of these columns, which all have so many rows."""
        low = self.blob.low[places]
        words = np.zeros((len(places), rows), np.uint64)
        # Neighbours with as many low bits stand in one piece.
        for a, b in _runs(low * len(self.rank) * 2 + places, apart=1):
            if low[a] > 0:
                size = int(self.sizes[places[a]])
                begin = int(self.ends[places[a]]) - size
                bits = np.frombuffer(self.blob.body, np.uint8, (b - a) * size, begin).reshape(b - a, size)
                words[a:b] = columns.unpack_low(bits, rows, int(low[a]))
        rank = self.rank[places]
        frame = np.where(low < 0, -1, np.searchsorted(self.last, rank, side="right"))
        for a, b in _runs(frame):
            if frame[a] >= 0:
                tops = self._tops(int(frame[a]), rank[a:b], rows)
                words[a:b] |= tops << low[a:b, None].astype(np.uint64)
        return words

    def _tops(self, frame: int, ranks: Ints, rows: int) -> Words:
        count, planes, check, length = self.blob.frames[:, frame].tolist()
        begin, start = int(self.streams[frame]), int(self.last[frame]) - count
        stream = self.blob.body[begin : begin + length]
        first, last = np.searchsorted(self.rank, [start, start + count - 1]).tolist()
        bits = self.blob.body[int(self.ends[first] - self.sizes[first]) : int(self.ends[last])]
        if zlib.crc32(stream, zlib.crc32(bits)) != check or not 1 <= planes <= 8:
            raise CorruptBlob("A blob of samples is damaged: the sum of a frame is wrong.")
        octets = _unzipped(stream, planes * count * rows).reshape(planes, count, rows)[:, ranks - start]
        tops: Words = octets[0].astype(np.uint64)
        for plane in range(1, planes):
            tops |= octets[plane].astype(np.uint64) << np.uint64(8 * plane)
        return tops
