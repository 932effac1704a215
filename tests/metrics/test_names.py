"""Series names, ranges and blobs: small and exact."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import blob, ranges
from metrics.names import BadName, parse, write
from metrics.words import name, quantity, shown


def test_labels_are_sorted_and_escaped() -> None:
    metric, labels = parse('disk{mount="/a \\"b\\"",device="x\\\\y\\nz"}')
    assert metric == "disk"
    assert labels == (("device", "x\\y\nz"), ("mount", '/a "b"'))
    assert write(labels) == '{device="x\\\\y\\nz",mount="/a \\"b\\""}'


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=20), max_size=5))
def test_what_is_written_is_read_again(labels: dict[str, str]) -> None:
    pairs = tuple(sorted((key, value.replace("\0", "")) for key, value in labels.items()))
    assert parse(f"m{write(pairs)}") == ("m", pairs)


@pytest.mark.parametrize(
    "column", ["", "1a", "a b", "a{", 'a{b="c"', "a{b=c}", 'a{b="c",b="d"}', "ü", 'a{b="\0"}', "a" * 5000]
)
def test_a_bad_name_is_refused_with_a_reason(column: str) -> None:
    with pytest.raises(BadName, match=r"\w"):
        parse(column)


@given(st.lists(st.integers(0, 60), max_size=80))
def test_ranges_hold_exactly_what_was_added(numbers: list[int]) -> None:
    kept: ranges.Ranges = []
    for number in numbers:
        ranges.add(kept, number)
    assert [n for n in range(62) if ranges.holds(kept, n)] == sorted(set(numbers))
    assert all(a[1] + 1 < b[0] for a, b in pairwise(kept)), "neighbours are joined"


def test_a_blob_gives_back_every_bit() -> None:
    times = np.array([1, 2**52], np.int64)
    values = np.array([[0.1, np.nan, -0.0], [1e308, 5e-324, 3.0]])
    got_times, got_values = blob.unpack(blob.pack(times, values), 3)
    assert got_times.tolist() == times.tolist()
    assert got_values.tobytes() == values.tobytes()


def test_metrics_are_spoken_as_people_do() -> None:
    assert name("disk_used_percent", {"mount": "/"}) == "Disk used (mount /)"
    assert quantity("cpu_used_percent", 97.123) == "97.12 %"
    assert quantity("memory_used_bytes", 3 * 2**30) == "3 GiB"
    assert quantity("uptime_seconds", 7200) == "2 h"


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("disk_used_percent", 91.5432, "91.5 %"),
        ("disk_used_percent", 90.0, "90 %"),
        ("disk_used_percent", 0.04, "0.04 %"),
        ("net_sent_bytes_per_second", 2_150_000, "2.15 MB/s"),
        ("disk_used_bytes", 999_600, "1 MB"),
        ("load1", 1.4231, "1.42"),
        ("uptime_seconds", 7200, "2 h"),
    ],
)
def test_a_page_writes_a_value_as_its_charts_do(metric: str, value: float, text: str) -> None:
    assert shown(metric, value) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("m" * 400, "longer than 200 characters"),
        ("9lives", "no digit first"),
        ("cpu-used", "letters, digits, _ and :"),
    ],
)
def test_a_wrong_metric_name_is_refused_for_what_is_wrong_with_it(text: str, why: str) -> None:
    with pytest.raises(BadName, match=why):
        parse(text)
