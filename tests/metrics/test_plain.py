"""The plainer form of what waits to be merged: the same bits come back, and damage is seen."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import codec, damaged, plain

NAN = float("nan")
ODD = [0.1, -0.0, 1e300, float("inf"), float("-inf"), 5e-324, float(1 << 62), -1.5, 1 / 3, NAN]


def tables(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    count, columns, rows = (int(random.integers(1, most)) for most in (6, 12, 40))
    times = 1_790_000_000_000 + np.cumsum(random.integers(1, 20_000, (count, rows)), axis=1)
    values = random.normal(0, 10.0 ** random.uniform(-2, 12, (count, columns, 1)), (count, columns, rows))
    values = np.round(values, int(random.integers(0, 4)))
    values[random.random(values.shape) < random.choice([0, 0.1, 0.9])] = NAN
    values[random.random(values.shape[:2]) < random.choice([0, 0.3])] = NAN
    odd = random.random(values.shape) < random.choice([0, 0.05])
    values[odd] = random.choice(ODD, int(odd.sum()))
    return times, np.sort(random.choice(1 << 40, columns, replace=False)), values


@pytest.mark.parametrize("seed", range(60))
def test_many_tables_come_back_to_the_bit(seed: int) -> None:
    times, keys, values = tables(seed)
    for at, data in enumerate(plain.encode_many(times, keys, values).blobs):
        there = ~np.isnan(values[at]).all(axis=1)
        part = codec.read(data)
        assert part.times.tolist() == times[at].tolist()
        assert part.keys.tolist() == codec.keys(data).tolist() == keys[there].tolist()
        wanted = np.where(np.isnan(values[at, there]), NAN, values[at, there])
        assert np.ascontiguousarray(part.values.T).tobytes() == np.ascontiguousarray(wanted).tobytes()
        for place, key in enumerate(part.keys.tolist()):
            one = codec.read(data, [key, 7])
            assert one.keys.tolist() == [key]
            np.testing.assert_array_equal(one.values[:, 0], part.values[:, place])


@pytest.mark.parametrize("seed", range(40))
def test_one_series_of_many_is_what_each_of_them_has(seed: int) -> None:
    blobs = []
    for more in range(4):
        times, keys, values = tables(10 * seed + more)
        keys[0] = 7
        blobs += plain.encode_many(times, np.sort(keys), values).blobs
    parts = [part for part in (codec.read(data, [7]) for data in blobs) if len(part.keys)]
    found = damaged.series(blobs, 7)
    if not parts:
        assert not len(found.times)
        return
    assert found.times.tolist() == [time for part in parts for time in part.times.tolist()]
    assert found.values.tobytes() == np.concatenate([part.values for part in parts]).tobytes()


def test_a_damaged_part_is_left_out_of_a_series() -> None:
    times, keys, values = tables(3)
    data = plain.encode_many(times, keys, values).blobs[0]
    one = int(codec.keys(data)[-1])
    whole = damaged.series([data], one)
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x41
        assert damaged.series([bytes(broken), data], one).values.tobytes() == whole.values.tobytes()


def test_a_damaged_part_is_refused_and_never_read_wrong() -> None:
    times, keys, values = tables(3)
    data = plain.encode_many(times, keys, values).blobs[0]
    assert codec.is_plain(data)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x41
        with pytest.raises(codec.CorruptBlob):
            codec.read(bytes(damaged))
    for length in range(len(data)):
        with pytest.raises(codec.CorruptBlob):
            codec.read(data[:length])
