"""A blob of samples gives back every bit, takes little room, and says so when it is damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from metrics import codec
from metrics.columns import Floats, Ints

NOON = 1_760_000_400_000
Random = np.random.Generator

KINDS: dict[str, Callable[[Random, int], NDArray[np.floating[Any]]]] = {
    "percents": lambda random, rows: random.normal(50, 8, rows).round(2),
    "counters": lambda random, rows: np.cumsum(random.integers(0, 10**6, rows)) * 1.0,
    "counters that start again": lambda _random, rows: (np.arange(rows) * 999 + 7) % 65_536 * 1.0,
    "huge counters": lambda random, rows: random.integers(2**62, 2**63, rows).astype(np.float64),
    "too huge for 64 bits": lambda random, rows: np.full(rows, 2.0**63) * random.integers(1, 3, rows),
    "one value": lambda _random, rows: np.full(rows, 7.5),
    "never measured": lambda _random, rows: np.full(rows, np.nan),
    "two zeros": lambda random, rows: random.choice([0.0, -0.0], rows),
    "any bits": lambda random, rows: random.integers(-(2**63), 2**63, rows).view(np.float64),
    "any fraction": lambda random, rows: random.random(rows),
    "pages": lambda random, rows: random.integers(0, 10**6, rows) * 4096.0,
    "steps of 0.25": lambda random, rows: random.integers(0, 400, rows) / 4,
    "seven decimals": lambda random, rows: random.normal(0, 1, rows).round(7),
    "the ends of floats": lambda random, rows: random.choice([5e-324, 1e308, -1e308, np.inf, -np.inf, 3.0], rows),
    "one far off": lambda _random, rows: np.where(np.arange(rows) == rows // 2, 1e15, 1.25),
}


def bits(values: Floats) -> Ints:
    """Every bit; whatever stood in a NaN, it means "not measured"."""
    return np.ascontiguousarray(np.where(np.isnan(values), np.nan, values)).view(np.int64)


def same(data: bytes, times: Ints, keys: Ints, values: Floats) -> None:
    part = codec.read(data)
    np.testing.assert_array_equal(part.times, times)
    np.testing.assert_array_equal(codec.keys(data), part.keys)
    assert sorted(part.keys.tolist()) == sorted(keys.tolist())
    place = {key: at for at, key in enumerate(keys.tolist())}
    order = [place[key] for key in part.keys.tolist()]
    np.testing.assert_array_equal(bits(part.values), bits(values[:, order]))


@pytest.mark.parametrize("rows", [1, 2, 9, 30, 360])
@pytest.mark.parametrize("gaps", [0.0, 0.05, 0.9])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_column_comes_back_to_the_bit(kind: str, gaps: float, rows: int) -> None:
    random = np.random.default_rng([rows, int(100 * gaps), *kind.encode()])
    values = np.stack([KINDS[kind](random, rows) for _ in range(5)], axis=1)
    values[random.random(values.shape) < gaps] = np.nan
    keys = random.choice(10**6, 5, replace=False)
    times = NOON + np.cumsum(random.integers(1, 60_000, rows))

    same(codec.encode(times, keys, values), times, keys, values)


@pytest.mark.parametrize("seed", range(40))
def test_any_mix_of_columns_comes_back_to_the_bit(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, columns = int(random.integers(1, 200)), int(random.integers(1, 100))
    kinds = random.choice(list(KINDS), columns)
    values = np.stack([KINDS[kind](random, rows) for kind in kinds], axis=1)
    holed = random.random(columns) < 0.3
    values[(random.random(values.shape) < random.random(columns)) & holed] = np.nan
    keys = random.choice(10**9, columns, replace=False)
    times = NOON + 10_000 * np.arange(rows)

    data = codec.encode(times, keys, values, frame=int(random.choice([1, 8, 64])))

    same(data, times, keys, values)
    for at in random.integers(0, columns, 3):
        one = codec.read(data, {int(keys[at])})
        np.testing.assert_array_equal(bits(one.values[:, 0]), bits(values[:, at]))


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 5), (5, 0), (3, 5000)])
def test_nothing_and_very_wide_rows_come_back(rows: int, columns: int) -> None:
    values = np.random.default_rng(1).normal(5, 1, (rows, columns)).round(2)

    same(codec.encode(np.arange(rows), np.arange(columns), values), np.arange(rows), np.arange(columns), values)


def test_only_the_asked_columns_are_given_and_unknown_ones_left_out() -> None:
    values = np.random.default_rng(2).normal(5, 1, (30, 20)).round(2)
    data = codec.encode(np.arange(30), np.arange(100, 120), values)

    part = codec.read(data, [119, 7, 103])

    assert sorted(part.keys.tolist()) == [103, 119]
    assert codec.read(data, []).values.shape == (30, 0)
    np.testing.assert_array_equal(part.values[:, part.keys == 103][:, 0], values[:, 3])


def test_a_view_of_other_order_is_packed_and_what_was_given_stays_as_it_was() -> None:
    base = np.random.default_rng(3).random((40, 12))
    base[3, 4] = np.float64(np.int64(0x7FF8000000000123).view(np.float64))
    view = base[::2, ::-3]
    before = base.copy().view(np.int64)

    data = codec.encode(np.arange(20), np.arange(4), view)

    same(data, np.arange(20), np.arange(4), view)
    np.testing.assert_array_equal(base.view(np.int64), before)


@pytest.mark.parametrize(("times", "keys"), [(4, 2), (3, 3)])
def test_what_does_not_fit_together_is_refused(times: int, keys: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        codec.encode(np.arange(times), np.arange(keys), np.zeros((3, 2)))


def host(random: Random, rows: int = 360) -> Floats:
    """A server as an agent sees it: counters, noisy rates, bytes in pages, gauges with gaps."""
    counters = [np.cumsum(random.poisson(10.0 ** random.uniform(0, 5), rows)) + 2.0**40 for _ in range(20)]
    rates = [np.abs(random.normal(10.0 ** random.uniform(0, 2), 5, rows)).round(2) for _ in range(16)]
    pages = [(10**6 + np.cumsum(random.integers(-40, 41, rows))) * 4096.0 for _ in range(12)]
    gauges = [(40 + np.cumsum(random.normal(0, 0.3, rows))).round(1) for _ in range(12)]
    gauges[0][random.random(rows) < 0.05] = np.nan
    gauges[1][np.arange(rows) % 6 != 0] = np.nan
    return np.stack([*counters, *rates, *pages, *gauges], axis=1)


def test_an_hour_of_a_server_takes_little_room() -> None:
    values = host(np.random.default_rng(4))

    data = codec.encode(NOON + 10_000 * np.arange(360), np.arange(60), values)

    assert len(data) / np.isfinite(values).sum() < 1.15


def test_what_stands_still_costs_next_to_nothing() -> None:
    values = np.tile(np.random.default_rng(5).normal(50, 9, 60).round(2), (360, 1))

    assert len(codec.encode(NOON + 10_000 * np.arange(360), np.arange(60), values)) < 600


def test_a_damaged_blob_is_refused_and_never_read_wrong() -> None:
    random = np.random.default_rng(6)
    values = host(random, 40)
    times, keys = NOON + 10_000 * np.arange(40), np.arange(60)
    data = codec.encode(times, keys, values)

    for _ in range(300):
        damaged = bytearray(data)
        damaged[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
        with pytest.raises(codec.CorruptBlob):
            codec.read(bytes(damaged))
    for length in range(0, len(data), 97):
        with pytest.raises(codec.CorruptBlob):
            codec.read(data[:length])


def test_a_head_that_claims_a_billion_rows_does_not_take_the_memory() -> None:
    data = codec.encode(np.arange(3), np.arange(2), np.zeros((3, 2)))
    numbers = list(codec.HEAD.unpack_from(data))
    numbers[2] = 1_000_000_000

    with pytest.raises(codec.CorruptBlob, match="larger than any"):
        codec.read(codec.HEAD.pack(*numbers) + data[codec.HEAD.size :])


def test_a_version_of_tomorrow_is_named() -> None:
    data = codec.encode(np.arange(3), np.arange(2), np.zeros((3, 2)))

    with pytest.raises(codec.CorruptBlob, match="version 99"):
        codec.read(b"\x63" + data[1:])
