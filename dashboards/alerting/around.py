"""What stands around every page: that Watchkeeper itself is in trouble, and how long one is on call."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import User
from alerts.models import Incident, Schedule
from alerts.services import said, schedules

# How the keys of Watchkeeper's own troubles begin.
OWN = "self "
LONGEST = timedelta(days=15)


def own_troubles(user: User) -> list[Incident]:
    found = list(Incident.objects.visible_to(user).open().filter(key__startswith=OWN).order_by("opened_at"))
    for one in found:
        one.title = said.title(one)  # it is shown, not saved
    return found


def on_call_until(user: User, now: datetime) -> datetime | None:
    """The end of this person's turn, in their own zone; empty: they are not on call."""
    ends = []
    plans = Schedule.objects.visible_to(user).select_related("team").prefetch_related("rotations", "overrides__user")
    for plan in plans:
        if not _named(plan, user):
            continue
        turn = schedules.shifts(plan, now, now + LONGEST)[0]
        if turn.user == user:
            ends.append(turn.end.astimezone(_zone(user, plan)))
    return max(ends, default=None)


def _named(plan: Schedule, user: User) -> bool:
    in_turns = any(str(user.uuid) in rotation.people for rotation in plan.rotations.all())
    return in_turns or any(one.user_id == user.pk for one in plan.overrides.all())


def _zone(user: User, plan: Schedule) -> ZoneInfo:
    return user.clock if user.zone else ZoneInfo(plan.zone)
