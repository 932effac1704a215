"""Spans of time as pairs of milliseconds, the end not included: joined, cut, met and taken away."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]
Spans = list[Span]


def joined(spans: Iterable[Span]) -> Spans:
    """In order, none touching another, none empty."""
    found: Spans = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def both(these: Spans, those: Spans) -> Spans:
    """What lies in the one and in the other; both are joined."""
    found, place = [], 0
    for start, end in these:
        while place and those[place - 1][1] > start:
            place -= 1
        while place < len(those) and those[place][0] < end:
            first, last = max(start, those[place][0]), min(end, those[place][1])
            if first < last:
                found.append((first, last))
            place += 1
    return found


def without(these: Spans, those: Spans) -> Spans:
    """What lies in the one and not in the other; both are joined."""
    found = []
    for start, end in these:
        at = start
        for first, last in both([(start, end)], those):
            if at < first:
                found.append((at, first))
            at = last
        if at < end:
            found.append((at, end))
    return found


def length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)
