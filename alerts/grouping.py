"""Which alerts are told together and when: keys, timers and titles. No Django, no clock, no network."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil, floor
from typing import Any

WAIT = {"critical": 0, "warn": 10}
INTERVAL = 60
REPEATS = (4 * 3600, 86400, 7 * 86400)
SHOWN = 20  # members named one by one; the rest is a number
LONGEST_KEY = 120

Words = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Timers:
    """Alertmanager's three timers with its meaning, in seconds; `wait` is by severity where the rule says none."""

    wait: int | None = None
    interval: int = INTERVAL
    repeats: tuple[int, ...] = REPEATS

    @property
    def at_once(self) -> bool:
        """The setting for machines: each alert is told at once, in a message of its own."""
        return self.wait == 0 and self.interval == 0

    def waits(self, severity: str) -> timedelta:
        return timedelta(seconds=WAIT[severity] if self.wait is None else self.wait)

    def tick(self, known: datetime | None, now: datetime) -> datetime:
        """The first tick that is not over: ticks come every interval, and one of them is known."""
        if not self.interval or known is None:
            return now
        return known - timedelta(seconds=floor((known - now).total_seconds() / self.interval) * self.interval)

    def next(self, tick: datetime, now: datetime) -> datetime:
        """The tick after one that was just done; those that were slept through are not made up for."""
        after = tick + timedelta(seconds=self.interval)
        return self.tick(after, now) if after < now else after

    def pause(self, told: int) -> timedelta:
        """How long after the message before it is said again; the last pause goes on for ever."""
        return timedelta(seconds=self.repeats[min(told, len(self.repeats) - 1)])

    def again(self, tick: datetime, said: datetime, told: int) -> datetime:
        """The tick at which it is said again: rounded up, as it is looked at on ticks alone."""
        due = said + self.pause(told)
        if not self.interval:
            return due
        steps = ceil((due - tick).total_seconds() / self.interval)
        return tick + timedelta(seconds=max(1, steps) * self.interval)


def timers(wait: int | None, interval: int | None, repeats: Sequence[int]) -> Timers:
    """As a rule says them; empty ones have their defaults, and who wants no wait wants no interval."""
    if interval is None:
        interval = 0 if wait == 0 else INTERVAL
    return Timers(wait, interval, tuple(pause for pause in repeats if pause > 0) or REPEATS)


def parts(group_by: Sequence[str], pace: Timers) -> list[str]:
    """Empty: the servers of a rule together; each alone where the rule says that nothing waits."""
    return list(group_by) or (["rule", "server"] if pace.at_once else ["rule"])


def key(rule: int, team: int, server: int, words: Words, by: Sequence[str], *, demo: bool = False) -> str:
    """What the alerts of one group have in common: above all that they are real, or that they are simulated."""
    found = ["demo"] if demo else []
    if "rule" not in by:
        found.append(f"team {team}")
    for part in by:
        if part == "rule":
            found.append(f"rule {rule}")
        elif part == "server":
            found.append(f"server {server}")
        else:
            found.append(f"{part} {_shared(part, words)}")
    text = " ".join(found)
    if len(text) <= LONGEST_KEY:
        return text
    return f"{text[:80]} {sha256(text.encode()).hexdigest()[:32]}"


def _shared(part: str, words: Words) -> str:
    """`tag:x` is the value of the tags `x:…` or `x=…`, or whether a server has the plain tag x."""
    if not part.startswith("tag:"):
        return " ".join(words.get(part, ()))
    name = part.removeprefix("tag:")
    return " ".join(
        sorted(tag for tag in words.get("tag", ()) if tag == name or tag.startswith((f"{name}:", f"{name}=")))
    )


def title(
    sentence: str, rules: Collection[str], servers: Collection[str], by: Sequence[str], *, checks: bool = False
) -> str:
    """One alert speaks for itself; many are counted: `CPU hot on 12 servers`; `checks`: each stands for a check."""
    if len(servers) > 1:
        what = next(iter(rules)) if len(rules) == 1 else f"{len(rules)} rules"
        return f"{what} on {len(servers)} {'checks' if checks else 'servers'}"[:300]
    if len(rules) > 1 and "rule" not in by and servers:
        return f"{next(iter(servers))}: {_listed(sorted(rules))}"[:300]
    return sentence[:300]


def kept(
    alone: Mapping[str, Any], rules: Collection[str], servers: Collection[str], by: Sequence[str],
    *, checks: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The same as facts, to be told in the language of whoever reads it; `alone` are those of the one alert."""
    if len(servers) > 1:
        found = {"rules": list(rules) if len(rules) == 1 else [], "count": len(rules), "servers": len(servers)}
        return {**found, "checks": True} if checks else found
    if len(rules) > 1 and "rule" not in by and servers:
        return {"rules": sorted(rules)[:SHOWN], "count": len(rules), "servers": 1, "server": next(iter(servers))}
    return dict(alone)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
