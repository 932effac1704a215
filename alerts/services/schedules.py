"""Who is on call: the plan of a schedule as its rows say it, asked for a moment, a range, or its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from alerts import oncall
from alerts.models import Chain, Schedule
from alerts.services import gaps, people


@dataclass(frozen=True, slots=True)
class Duty:
    """One stretch of time; `user` empty: nobody."""

    user: User | None
    start: datetime
    end: datetime


def on_call(schedule: Schedule, at: datetime) -> User | None:
    known = _known(schedule)
    person = oncall.on_call(plan(schedule, set(known), at), at)
    return known[person] if person else None


def shifts(schedule: Schedule, start: datetime, end: datetime) -> list[Duty]:
    known = _known(schedule)
    found = oncall.shifts(plan(schedule, set(known), start), start, end)
    return [Duty(known[one.person] if one.person else None, one.start, one.end) for one in found]


def warnings(schedule: Schedule, now: datetime) -> list[str]:
    """What whoever saves it should know: gaps, who takes them, and turns of people who may not be told."""
    known = _known(schedule)
    found = []
    gap = gaps.warning(plan(schedule, set(known), now), now)
    if gap:
        found.append(f"{gap} {_who_then(schedule)}")
    named = {person for rotation in schedule.rotations.all() for person in rotation.people}
    if named - set(known):
        found.append(_("Somebody in its turns has left the team or was switched off; those turns are gaps."))
    return found + people.lookers(schedule.team, called(schedule))


def called(schedule: Schedule) -> set[str]:
    """The ids of whomever it may name."""
    named = {person for rotation in schedule.rotations.all() for person in rotation.people}
    return named | ({str(schedule.fallback.uuid)} if schedule.fallback else set())


def plan(schedule: Schedule, known: set[str], since: datetime) -> oncall.Plan:
    """As it stands from then on.

    Turns of people who may not be told any more stay, as gaps: the others' turns must not move.
    """
    layers = tuple(
        oncall.Turns(
            people=tuple(person if person in known else None for person in rotation.people),
            days=rotation.days,
            starts_on=rotation.starts_on,
            hand_over=rotation.hand_over,
            ends_on=rotation.ends_on,
            hours_from=rotation.hours_from,
            hours_until=rotation.hours_until,
            weekdays=frozenset(rotation.weekdays),
        )
        for rotation in schedule.rotations.all()
    )
    taken = schedule.overrides.filter(ends_at__gt=since).select_related("user").order_by("pk")
    overrides = tuple(
        oncall.Takeover(str(one.user.uuid) if str(one.user.uuid) in known else None, one.starts_at, one.ends_at)
        for one in taken
    )
    return oncall.Plan(schedule.zone, layers, overrides)


def _known(schedule: Schedule) -> dict[str, User]:
    return {str(user.uuid): user for user in people.tellable(schedule.team)}


def _who_then(schedule: Schedule) -> str:
    if people.may_be_told(schedule.fallback, schedule.team):
        return _("%(name)s is told then.") % {"name": schedule.fallback}
    return _("Name a fallback; until then the team's default channels are told.")


def fallback(schedule: Schedule) -> User | None:
    """Who stands in where nobody is on call, if they may be told."""
    return schedule.fallback if people.may_be_told(schedule.fallback, schedule.team) else None


def naming(schedule: Schedule) -> list[str]:
    """The chains that ask it."""
    wanted = str(schedule.uuid)
    chains = Chain.objects.filter(team=schedule.team_id)
    return [chain.name for chain in chains if any(step.get("schedule") == wanted for step in chain.steps)]
