"""Columns of floats as small whole numbers and back, to the last bit, for all columns at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

# Decimals that are tried; a column that needs more (or holds -0.0, NaN, infinity) keeps the bits of its floats.
MOST_DECIMALS = 6
BITS = MOST_DECIMALS + 1
POWERS = np.append(10.0 ** np.arange(BITS), 1.0)
SAMPLES = 8
# What is left above the low bits has about this many bits: few enough for one table of symbols for many columns.
TOP = 4


class Plan(NamedTuple):
    """How each column was made small: value = (first or base + ...) * unit / 10^decimals."""

    decimals: Ints
    unit: Ints
    flat: Ints
    base: Ints
    first: Ints


def shrink(values: Floats) -> tuple[Plan, Words]:
    """Whole numbers near zero for values[column, row]; `grow` gives back the same bits."""
    with np.errstate(all="ignore"):
        numbers, decimals = scaled(values)
        unit = _divide(numbers, decimals == BITS)
        flat, base, first, rest = _predicted(numbers)
    return Plan(decimals, unit, flat, base, first), _zigzag(rest)


def grow(plan: Plan, words: Words) -> Floats:
    """The values that `shrink` was given."""
    rest = unzigzag(words)
    with np.errstate(all="ignore"):
        step = plan.flat == 0
        if step.all():
            numbers = np.cumsum(rest, axis=1)
        else:
            numbers = rest
            numbers[step] = np.cumsum(rest[step], axis=1)
        if plan.base[step].any():
            numbers += np.where(step, plan.base, 0)[:, None] * np.arange(words.shape[1])
        numbers += np.where(step, plan.first, plan.base)[:, None]
        if (plan.unit != 1).any():
            numbers *= plan.unit[:, None]
        raw = plan.decimals == BITS
        # Divided and never multiplied with the inverse: that differs in the last bit.
        values: Floats = numbers / POWERS[plan.decimals][:, None]
        values[raw] = numbers[raw].view(np.float64)
    return values


def scaled(values: Floats) -> tuple[Ints, Ints]:
    """The values times the smallest power of ten that makes them whole, proven by the way back."""
    some = values[:, _some(values.shape[1])]
    tried = some[None] * POWERS[:BITS, None, None]
    np.rint(tried, out=tried)
    tried /= POWERS[:BITS, None, None]
    whole = (tried == some[None]).all(2)
    decimals = np.where(whole.any(0), whole.argmax(0), BITS)
    numbers, failed = _whole(values, decimals)
    left = np.flatnonzero(failed & (decimals < BITS))
    while left.size:
        decimals[left] += 1
        again, failed = _whole(values[left], decimals[left])
        numbers[left] = again
        left = left[failed & (decimals[left] < BITS)]
    raw = decimals == BITS
    numbers[raw] = values[raw].view(np.int64)
    return numbers, decimals


def _whole(values: Floats, decimals: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    power = POWERS[decimals][:, None]
    scaled = values * power
    numbers = np.rint(scaled, out=scaled).astype(np.int64)
    back = np.divide(numbers, power, out=scaled)
    return numbers, (back.view(np.int64) != values.view(np.int64)).any(1)


def _divide(numbers: Ints, raw: NDArray[np.bool_]) -> Ints:
    """Divide each column by what all its numbers are multiples of (memory is counted in KiB); the divisors."""
    unit: Ints = np.gcd.reduce(numbers[:, _some(numbers.shape[1])], axis=1)
    if raw.any():
        together = np.bitwise_or.reduce(numbers[raw], axis=1)
        unit[raw] = together & -together
    unit[unit <= 0] = 1
    more = np.flatnonzero((unit > 1) & ~raw)
    rest = numbers[more] % unit[more, None]
    wrong = rest.any(1)
    if wrong.any():
        unit[more[wrong]] = np.gcd(unit[more[wrong]], np.gcd.reduce(rest[wrong], axis=1))
    more = np.flatnonzero(unit > 1)
    numbers[more] //= unit[more, None]
    return unit


def _predicted(numbers: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """What is left after the number before (with a steady step), or after the mean where that is nearer."""
    columns = len(numbers)
    rest = np.zeros_like(numbers)
    steps = np.subtract(numbers[:, 1:], numbers[:, :-1], out=rest[:, 1:])
    base = np.zeros(columns, np.int64)
    first = numbers[:, 0].copy()
    if steps.shape[1] < 2:
        return np.zeros(columns, np.int64), base, first, rest
    middle = np.rint(np.add.reduce(numbers, 1, np.float64) / numbers.shape[1]).astype(np.int64)
    around = numbers - middle[:, None]
    flat = _extent(around) < _extent(steps)
    some = np.sort(steps[:, _some(steps.shape[1])], axis=1)
    centre = some[:, some.shape[1] // 2]
    far = np.abs(some - centre[:, None]).sum(1) < np.abs(centre) * some.shape[1]
    steady = np.flatnonzero(far & ~flat)
    if steady.size:
        half = steps.shape[1] // 2
        base[steady] = np.partition(steps[steady], half, axis=1)[:, half]
        steps[steady] -= base[steady, None]
    if flat.any():
        base[flat], first[flat], rest[flat] = middle[flat], 0, around[flat]
    return flat.astype(np.int64), base, first, rest


def _extent(numbers: Ints) -> Floats:
    """How far from zero, on the whole."""
    extent: Floats = np.add.reduce(np.abs(numbers), 1, np.float64) / numbers.shape[1]
    return extent


def _some(rows: int) -> slice:
    return slice(None, None, max(1, rows // SAMPLES))


def _zigzag(numbers: Ints) -> Words:
    return ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)


def unzigzag(words: Words) -> Ints:
    signs = (words & np.uint64(1)).view(np.int64)
    return (words >> np.uint64(1)).view(np.int64) ^ -signs


def zigzag(numbers: Ints) -> Words:
    return _zigzag(numbers)


def low_bits(size: Floats) -> Ints:
    """How many low bits of numbers of this mean size are as good as noise: they are kept as they are."""
    exponent: Ints = np.frexp(size)[1].astype(np.int64) - 1
    # Even, so that more columns are alike and can be packed at once.
    return np.clip(exponent - TOP + 1, 0, 57) & ~1


def low_size(rows: Ints | np.int64, bits: Ints) -> Ints:
    return rows * (bits // 8) + (rows * (bits % 8) + 7) // 8


def pack_low(words: Words, bits: int) -> Bytes:
    """The low bits of words[column, row], as bytes[column]."""
    columns, rows = words.shape
    octets = words.view(np.uint8).reshape(columns, rows, 8)
    whole, rest = divmod(bits, 8)
    parts = [octets[:, :, place] for place in range(whole)]
    if rest:
        single = octets[:, :, whole].reshape(-1, 1)
        loose = np.unpackbits(single, axis=1, count=rest, bitorder="little")
        parts.append(np.packbits(loose.reshape(columns, rows * rest), axis=1))
    return np.concatenate(parts, axis=1)


def unpack_low(packed: Bytes, rows: int, bits: int) -> Words:
    """The words whose low bits were packed; everything above is zero."""
    columns = len(packed)
    words = np.zeros((columns, rows), np.uint64)
    octets = words.view(np.uint8).reshape(columns, rows, 8)
    whole, rest = divmod(bits, 8)
    for place in range(whole):
        octets[:, :, place] = packed[:, place * rows : (place + 1) * rows]
    if rest:
        loose = np.unpackbits(packed[:, whole * rows :], axis=1, count=rows * rest)
        octets[:, :, whole] = np.packbits(loose.reshape(columns, rows, rest), axis=2, bitorder="little")[:, :, 0]
    return words
