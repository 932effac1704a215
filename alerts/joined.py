"""Rules over other rules of the same server: looked at after those, in the same turn."""

from __future__ import annotations

from collections.abc import Iterator

from alerts import engine
from alerts.compiled import Book, Compiled
from alerts.engine import Track
from alerts.kinds.base import AFTER_OTHERS
from alerts.services.moves import Change
from alerts.sieve import Key

STANDING = ("firing", "recovering", "no_data")


def look(book: Book, tracks: dict[Key, Track], series: int, at: int) -> Iterator[Change]:
    """Where each of them stands now; told once for every change."""
    rules = [rule for rule in book.rules.values() if rule.when == AFTER_OTHERS]
    if not rules:
        return
    firing: dict[int, set[object]] = {}
    for (rule_id, server, _), track in tracks.items():
        rule = book.rules.get(rule_id)
        if rule is not None and rule.when != AFTER_OTHERS and track.state in STANDING:
            firing.setdefault(server, set()).add(rule.uuid)
    for rule in rules:
        yield from _of_rule(rule, firing, tracks, series, at)


def _of_rule(
    rule: Compiled, firing: dict[int, set[object]], tracks: dict[Key, Track], series: int, at: int
) -> Iterator[Change]:
    assert rule.condition is not None  # noqa: S101 - compiled with its kind
    holds = rule.condition.holds
    for server in tuple(rule.servers):
        key = (rule.id, server, series)
        before = tracks.get(key)
        bad = holds(firing.get(server, ()))  # type: ignore[arg-type]
        if not bad and before is None:
            continue
        after = engine.step(before or Track(), at, float(bad), rule.limits)
        if after.state == "ok":
            tracks.pop(key, None)
        else:
            tracks[key] = after
        was = before or Track()
        if (after.state, after.severity) != (was.state, was.severity):
            yield Change(key, was, after, rule.limits)
