"""When a silence mutes: once, or again and again by a calendar rule in local wall time. No Django, no clock.

A window begins at its start and is over at its end. A wall time that does not exist, in the hour that is skipped in
spring, is moved forward by that hour; one that exists twice counts once, the first time.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrule, rruleset, rrulestr

from core.spoken import spoken as _

LONGEST_RULE = 500
LONGEST = timedelta(days=31)  # of one window that recurs
SHORTEST = timedelta(minutes=1)
AHEAD = timedelta(days=5 * 366)  # how far a preview looks
MOST = 100_000  # windows that are looked at: a daily one for centuries
MOST_A_DAY = 24
FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
KNOWN = {
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR", "BYMINUTE",
    "BYWEEKNO", "BYYEARDAY", "WKST",
}  # fmt: skip
# Rules of days that never come are searched for to the end of all years: each day at a time that takes seconds.
NOT_DAILY = {"BYSETPOS", "BYWEEKNO", "BYYEARDAY"}
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MOST_VALUES = 32  # of one part, such as BYHOUR
CYCLE = 400  # years

Window = tuple[datetime, datetime]


class Unreadable(ValueError):
    """The calendar rule, its duration or its zone cannot be used: says why and what to write, and which it is."""

    def __init__(self, said: str, about: str = "rrule") -> None:
        super().__init__(said)
        self.about = about


@dataclass(frozen=True, slots=True)
class Times:
    """When it mutes; all times aware. Without a rule: once, from start to end."""

    starts: datetime
    ends: datetime | None
    rule: str = ""
    duration: int = 0
    zone: str = "UTC"

    def at(self, now: datetime) -> Window | None:
        """The window that is open now; of two that overlap the later end counts."""
        if (self.ends is not None and now >= self.ends) or now < self.starts:
            return None
        if not self.rule:
            return (self.starts, self.ends) if self.ends else None
        open_ = [one for one in self.windows(now - timedelta(seconds=self.duration), now) if one[0] <= now < one[1]]
        return max(open_, key=lambda one: one[1], default=None)

    def windows(self, after: datetime, until: datetime) -> list[Window]:
        """Those that touch this time, in order, and end when all of it ends."""
        if not self.rule:
            one = (self.starts, self.ends) if self.ends else None
            return [one] if one and one[0] <= until and one[1] > after else []
        length = timedelta(seconds=self.duration)
        found = []
        for start in self._starts(after - length, until):
            end = min(start + length, self.ends) if self.ends else start + length
            if start >= self.starts and end > after and start < end:
                found.append((start, end))
        return found

    def next(self, now: datetime, count: int) -> list[Window]:
        """The next few, the present one among them."""
        if not self.rule:
            return self.windows(now, max(now, self.starts))[:count]
        found: list[Window] = []
        step, begin = timedelta(days=7), max(now, self.starts)
        last = begin + AHEAD
        while begin < last and len(found) < count:
            for one in self.windows(begin, begin + step):
                if one not in found:
                    found.append(one)
            begin, step = begin + step, step * 2
        return found[:count]

    def _starts(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Starts between two times, by the wall clock; a day is allowed on either side for what clocks may shift."""
        zone = zone_of(self.zone)
        calendar = _calendar(self.rule, self.starts.astimezone(zone).replace(tzinfo=None))
        low, high = (time.astimezone(zone).replace(tzinfo=None) for time in (after, until))
        day = timedelta(days=1)
        for wall in calendar.between(low - day, high + day):
            start = instant(wall, zone)
            if after <= start <= until:
                yield start


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """A wall time as a moment: one that is skipped is moved forward, one that comes twice is its first."""
    # With fold 0 a skipped time has the offset from before the change: through UTC it lands after the gap.
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    if name not in _zones():
        text = _("%(name)s is no time zone. Write one like Europe/Copenhagen or UTC.")
        raise Unreadable(text % {"name": repr(name[:60])}, "zone")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


class _Calendar:
    """The starts of a rule as wall times, read as far as anybody asked."""

    def __init__(self, rule: str, first: datetime) -> None:
        self.coming = iter(_parsed(rule, first))
        self.known: list[datetime] = []
        self.over = False
        self.lock = threading.Lock()

    def between(self, low: datetime, high: datetime) -> list[datetime]:
        with self.lock:
            while not self.over and (not self.known or self.known[-1] <= high):
                wall = next(self.coming, None)
                self.over = wall is None or len(self.known) >= MOST
                if wall is not None:
                    self.known.append(wall)
            return self.known[bisect_left(self.known, low) : bisect_left(self.known, high)]


@lru_cache(maxsize=256)
def _calendar(rule: str, first: datetime) -> _Calendar:
    return _Calendar(rule, first)


def check(times: Times) -> None:
    """Refuse what cannot be used, or would cost without end; Unreadable says why."""
    zone = zone_of(times.zone)
    if not times.rule:
        if times.ends is None:
            raise Unreadable(_("A silence that happens once needs an end."), "ends_at")
        if times.ends <= times.starts:
            raise Unreadable(_("A silence must end after its start."), "ends_at")
        return
    if not SHORTEST <= timedelta(seconds=times.duration) <= LONGEST:
        text = _("A recurring silence lasts between 60 seconds and 31 days each time: give the duration.")
        raise Unreadable(text, "duration")
    wall = times.starts.astimezone(zone).replace(tzinfo=None)
    _parsed(times.rule, wall)
    first = times.next(times.starts, 1) if _comes(times.rule, wall) else []
    if not first:
        text = _("%(rule)s has no time after its start in the next five years.")
        raise Unreadable(text % {"rule": repr(times.rule)})
    if len(times.windows(first[0][0], first[0][0] + timedelta(days=1))) > MOST_A_DAY + 1:
        text = _("%(rule)s begins more than %(most)d times a day.")
        raise Unreadable(text % {"rule": repr(times.rule), "most": MOST_A_DAY})


def _comes(rule: str, first: datetime) -> bool:
    """Whether it has any time at all. Where none is, days are searched for to the end of year 9999: seconds.

    The calendar repeats every 400 years, weekdays included: asked from its last centuries the answer is the same.
    """
    late = first.replace(year=first.year + (9600 - first.year) // CYCLE * CYCLE)
    endless = ";".join(part for part in rule.upper().split(";") if not part.startswith("UNTIL="))
    try:
        return next(iter(_parsed(endless, late)), None) is not None
    except IndexError as fault:  # what dateutil makes of the hundredth Monday of a year
        text = _("%(rule)s names a day that no year or month has.")
        raise Unreadable(text % {"rule": repr(rule[:80])}) from fault


def _parsed(rule: str, first: datetime) -> rrule | rruleset:
    parts = _parts(rule)
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        said = {"known": ", ".join(sorted(FREQUENCIES)), "given": frequency or _("none")}
        raise Unreadable(_("FREQ must be one of %(known)s; this one says %(given)s.") % said)
    _check_days(parts, frequency)
    if "UNTIL" in parts:
        # Both kinds of writing it are taken; what it bounds is wall time, as the starts are.
        parts["UNTIL"] = parts["UNTIL"].removesuffix("Z")
    try:
        return rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=first)
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError, IndexError) as fault:
        text = _("%(rule)s cannot be read: %(why)s. Write it like FREQ=WEEKLY;BYDAY=SU.")
        raise Unreadable(text % {"rule": repr(rule[:80]), "why": fault}) from fault


def _check_days(parts: dict[str, str], frequency: str) -> None:
    """Days that no year has, such as the 30th of February."""
    strange = NOT_DAILY & parts.keys()
    if frequency == "DAILY" and strange:
        raise Unreadable(_("%(names)s does not go with FREQ=DAILY.") % {"names": ", ".join(sorted(strange))})
    try:
        days = [abs(int(day)) for day in parts.get("BYMONTHDAY", "1").split(",")]
        months = [int(month) for month in parts.get("BYMONTH", "1").split(",")]
        longest = max(LONGEST_MONTHS[month - 1] for month in months)
    except (ValueError, IndexError) as fault:
        raise Unreadable(_("A day or month is no number of one.")) from fault
    if min(days) > longest:
        raise Unreadable(_("No such day is in these months: BYMONTHDAY and BYMONTH do not meet."))


def _parts(rule: str) -> dict[str, str]:
    """`FREQ=WEEKLY;BYDAY=SU` by name; several lines, dates and names that nobody needs are refused."""
    text = rule.strip().upper().removeprefix("RRULE:")
    if len(text) > LONGEST_RULE or "\n" in text:
        text = _("A rule is one line of at most %(most)d characters, like FREQ=WEEKLY;BYDAY=SU.")
        raise Unreadable(text % {"most": LONGEST_RULE})
    found: dict[str, str] = {}
    for part in filter(None, text.split(";")):
        name, equals, value = part.partition("=")
        if not equals or not value or name not in KNOWN or name in found:
            said = {"part": repr(part[:40]), "known": ", ".join(sorted(KNOWN))}
            raise Unreadable(_("%(part)s is not understood here. Known are %(known)s.") % said)
        if value.count(",") >= MOST_VALUES:
            raise Unreadable(_("%(name)s names more than %(most)d values.") % {"name": name, "most": MOST_VALUES})
        found[name] = value
    for name in ("INTERVAL", "COUNT"):
        if name in found and not (found[name].isdigit() and 1 <= int(found[name][:6]) <= MOST):
            raise Unreadable(_("%(name)s is a number from 1 to %(most)d.") % {"name": name, "most": MOST})
    return found
