"""Why nobody is told of an alert now: a list of stages, asked in order; the first that has a reason holds it.

Only beginnings are asked. The end goes to whoever was told of the beginning, whatever is muted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from alerts.models import Incident, Rule
from core.selector import Test, Words
from servers.models import Server

LOOK = timedelta(minutes=5)  # whatever frees what is held says so; should that be lost, it is looked at again


@dataclass(frozen=True, slots=True)
class Held:
    """The reason in words, and until when it is sure to hold; for good, where nothing will change it."""

    why: str
    until: datetime | None = None
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class Mute:
    """A silence whose time is now."""

    team: int
    rule: int | None
    meant: Test
    reason: str
    until: datetime

    def hits(self, rule: Rule, words: Words) -> bool:
        return self.team == rule.team_id and self.rule in {None, rule.pk} and self.meant(words)


@dataclass(frozen=True, slots=True)
class Down:
    """The open alert that says that a server is down, or may be."""

    alert: int
    incident: int | None


@dataclass(slots=True)
class Around:
    """What else is known at that moment, read once for many alerts."""

    now: datetime
    mutes: Sequence[Mute] = ()
    downs: Mapping[int, Down] = field(default_factory=dict)


@dataclass(slots=True)
class Case:
    """One alert that wants to be told."""

    around: Around
    incident: Incident
    rule: Rule
    server: Server
    alert: int
    began: datetime
    firing: int  # alerts of this rule in the group that are bad now


class Stage(Protocol):
    def holds(self, case: Case) -> Held | None: ...


class Demo:
    """Nobody is woken by what is simulated."""

    def holds(self, case: Case) -> Held | None:
        return Held("it is simulated", for_good=True) if case.server.demo else None


class Taken:
    """Somebody looks after it: what they know of, or all of it where they said so, calls nobody else."""

    def holds(self, case: Case) -> Held | None:
        incident = case.incident
        if incident.acknowledged_at is None:
            return None
        if incident.acknowledged_how or case.began < incident.acknowledged_at:
            return Held(f"{incident.acknowledged_by or 'somebody'} looks after it", incident.acknowledged_until)
        return None


class HostDown:
    """Its server is down: that is one trouble and is told as one."""

    def holds(self, case: Case) -> Held | None:
        down = case.around.downs.get(case.server.pk)
        return Held(f"{case.server.name} is down") if down and down.alert != case.alert else None


class Silenced:
    """Somebody asked for silence and said why."""

    def holds(self, case: Case) -> Held | None:
        hits = [mute for mute in case.around.mutes if mute.hits(case.rule, case.server.words())]
        if not hits:
            return None
        longest = max(hits, key=lambda mute: mute.until)
        return Held(f"silenced: {longest.reason}", longest.until)


class Enough:
    """k of n: a trouble only when so many of the group have it."""

    def holds(self, case: Case) -> Held | None:
        least = case.rule.params.get("at_least") or 0
        if not isinstance(least, int) or case.firing >= least:
            return None
        return Held(f"{case.firing} of the {least} that make it a trouble")


STAGES: list[Stage] = [Demo(), Taken(), HostDown(), Silenced(), Enough()]


def held(case: Case) -> Held | None:
    return next((found for stage in STAGES if (found := stage.holds(case))), None)


def look_again(reason: Held, now: datetime) -> datetime:
    """At its end to the moment; without one, or far from it, after a while."""
    return min(reason.until, now + LOOK) if reason.until and reason.until > now else now + LOOK
