"""Sequence numbers as a short list of ranges: `[[0, 17], [19, 19]]`."""

from __future__ import annotations

from bisect import bisect_right

Ranges = list[list[int]]
MOST = 2000


def holds(ranges: Ranges, number: int) -> bool:
    place = bisect_right(ranges, number, key=lambda pair: pair[0]) - 1
    return place >= 0 and number <= ranges[place][1]


def add(ranges: Ranges, number: int) -> None:
    """Take a number in, joining neighbours; the common case, one more at the end, touches one cell."""
    if ranges and ranges[-1][1] == number - 1:
        ranges[-1][1] = number
        return
    if holds(ranges, number):
        return
    place = bisect_right(ranges, number, key=lambda pair: pair[0])
    ranges.insert(place, [number, number])
    _join(ranges, place)
    _join(ranges, place - 1)
    # Thousands of holes are no agent of ours; forgetting the oldest only risks taking a repeat twice,
    # which (series, time) makes harmless.
    del ranges[:-MOST]


def remove(ranges: Ranges, number: int) -> None:
    """Take a number out again, parting its range."""
    if holds(ranges, number):
        place = bisect_right(ranges, number, key=lambda pair: pair[0]) - 1
        first, last = ranges[place]
        parts = [[first, number - 1], [number + 1, last]]
        ranges[place : place + 1] = [pair for pair in parts if pair[0] <= pair[1]]


def _join(ranges: Ranges, place: int) -> None:
    if 0 <= place < len(ranges) - 1 and ranges[place][1] + 1 >= ranges[place + 1][0]:
        ranges[place][1] = max(ranges[place][1], ranges.pop(place + 1)[1])
