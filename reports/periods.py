"""The time that a report is about: whole weeks, months and quarters by somebody's clock, or days they name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.clock import now
from reports.saying import dated

NAMED = ("week", "month", "quarter", "year")
CUSTOM = "custom"
PERIODS = (*NAMED, CUSTOM)
LONGEST = timedelta(days=2 * 366)
FIRST = date(2000, 1, 1)


class NoPeriod(ValueError):
    """The time cannot be reported on; says why."""


@dataclass(frozen=True, slots=True)
class Period:
    name: str
    start: datetime
    end: datetime
    zone: ZoneInfo

    def __str__(self) -> str:
        """Its days, both included, as its reader writes them."""
        last = (self.end.astimezone(self.zone) - timedelta(microseconds=1)).date()
        first = self.start.astimezone(self.zone).date()
        # American order beside a 24 hour clock would be neither.
        form = "j F Y" if get_language() in {None, "en"} else "DATE_FORMAT"
        if first == last:
            return dated(first, form)
        return _("%(first)s to %(last)s") % {"first": dated(first, form), "last": dated(last, form)}


def last(name: str, zone: ZoneInfo, at: datetime | None = None) -> Period:
    """The last whole one that is over."""
    today = (at or now()).astimezone(zone).date()
    first, end = _days(name, today)
    return Period(name, midnight(first, zone), midnight(end, zone), zone)


def custom(first: date | None, until: date | None, zone: ZoneInfo, at: datetime | None = None) -> Period:
    """Days somebody named, both included. What is still to come of the last ones is left out."""
    if first is None or until is None:
        raise NoPeriod(_("Give the first and the last day of the time that you want."))
    if until < first:
        raise NoPeriod(_("The last day lies before the first: there is no time between them."))
    if first < FIRST or until.year >= 2100:
        raise NoPeriod(_("Give days between the years 2000 and 2100."))
    present = at or now()
    start, end = midnight(first, zone), midnight(until + timedelta(days=1), zone)
    if start >= present:
        raise NoPeriod(_("This time has not begun yet: there is nothing to report on."))
    if end - start > LONGEST:
        raise NoPeriod(_("That is more than two years: ask for less at once."))
    return Period(CUSTOM, start, min(end, present), zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day; where the clock skips midnight, the first there is. In UTC, to be counted with."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def _days(name: str, today: date) -> tuple[date, date]:
    if name == "week":
        end = today - timedelta(days=today.weekday())
        return end - timedelta(days=7), end
    if name == "month":
        return _month(today, 1), today.replace(day=1)
    if name == "quarter":
        end = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
        return _month(end, 3), end
    if name == "year":
        return date(today.year - 1, 1, 1), date(today.year, 1, 1)
    raise NoPeriod(_("Known times are week, month, quarter, year, and custom with a first and a last day."))


def _month(day: date, back: int) -> date:
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def next_due(rhythm: str, hour: int, zone: ZoneInfo, after: datetime) -> datetime:
    """The next Monday, or first day of a month, at that hour of the zone's wall clock."""
    local = after.astimezone(zone)
    day = local.date()
    for _turn in range(2):
        if rhythm == "week":
            day += timedelta(days=-day.weekday() % 7)
        elif day.day != 1:
            day = _month(day, -1)
        due = datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
        if due > after:
            return due
        day += timedelta(days=1)
    raise AssertionError("a week and a month have a next one")
