"""Heartbeats judged: when a signal is expected, late and missed. Pure: no clock, no database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from checks.wrong import Wrong

LEAST, MOST = 10, 366 * 86_400
LONGEST_RUN = 72 * 3600
NEW, UP, LATE, DOWN = "new", "up", "late", "down"


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """Every `period` seconds, or as `cron` says in `zone`; `grace` is how late a signal may be.

    `longest` is how long the job may run after its start signal; 0: as long as the grace.
    """

    period: int = 86_400
    cron: str = ""
    zone: str = "UTC"
    grace: int = 3600
    longest: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """How a heartbeat stands."""

    state: str = NEW
    since: datetime | None = None
    at: datetime | None = None
    started_at: datetime | None = None
    expected_at: datetime | None = None
    excused_until: datetime | None = None
    seconds: float | None = None
    said: str = ""


def check(config: Config) -> None:
    """Wrong in a sentence for what cannot be waited for."""
    zone(config.zone)
    if not LEAST <= config.grace <= MOST:
        raise Wrong("grace", f"The grace is from {LEAST} seconds to a year.")
    if not 0 <= config.longest <= LONGEST_RUN:
        raise Wrong("longest", "A job may run for 72 hours at most.")
    if config.cron:
        expected(config, datetime(2026, 1, 1, tzinfo=UTC))
    elif not LEAST <= config.period <= MOST:
        raise Wrong("period", f"The period is from {LEAST} seconds to a year.")


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise Wrong("zone", f"{name!r} is no time zone. Write one such as Europe/Copenhagen.") from error


def _clock(config: Config) -> ZoneInfo:
    """The zone it was kept with; one that this system no longer knows holds up nobody's signal."""
    try:
        return zone(config.zone)
    except Wrong:
        return ZoneInfo("UTC")


def expected(config: Config, after: datetime) -> datetime:
    """When the next signal should come, by the wall clock of the zone: clock changes are cron's."""
    if not config.cron:
        return after + timedelta(seconds=config.period)
    if len(config.cron) > 200:
        raise Wrong("cron", "A cron line has at most 200 characters.")
    try:
        following = next(CronSim(config.cron, after.astimezone(_clock(config))))
    except CronSimError as error:
        said = f"{config.cron!r} is no cron line ({error}). Write five fields, such as 30 3 * * 1-5."
        raise Wrong("cron", said) from error
    except StopIteration:
        raise Wrong("cron", f"{config.cron!r} never happens.") from None
    return following.astimezone(UTC)


def deadline(beat: Beat, config: Config) -> datetime | None:
    """When it is down unless a signal comes; nothing before it was first judged."""
    grace = timedelta(seconds=config.grace)
    if beat.started_at is not None:
        found = beat.started_at + timedelta(seconds=config.longest or config.grace)
    elif beat.expected_at is not None:
        found = beat.expected_at + grace
    else:
        return None
    return max(found, beat.excused_until) if beat.excused_until else found


def signal(beat: Beat, config: Config, kind: str, code: int | None, at: datetime) -> Beat:
    """What a signal changes. A log line changes nothing."""
    if kind == "log":
        return beat
    if kind == "start":
        return replace(beat, at=at, started_at=at, excused_until=None)
    took = (at - beat.started_at).total_seconds() if beat.started_at else None
    took = took if took is not None and took <= LONGEST_RUN else None
    failed = kind == "fail" or bool(code)
    state = DOWN if failed else UP
    said = _failed(code) if failed else "It told that it ran."
    since = beat.since if state == beat.state else at
    return Beat(state, since, at, None, expected(config, at), None, took, said)


def _failed(code: int | None) -> str:
    return f"It told that it failed with exit code {code}." if code else "It told that it failed."


def _missed(beat: Beat, config: Config) -> str:
    """When its signal was due and when the last one came, by the clock of its zone."""
    exact = "%H:%M:%S %Z" if not config.cron and config.period < 3600 else "%H:%M %Z"
    due, last = (
        one.astimezone(_clock(config)).strftime(f"%Y-%m-%d {exact}") if one else ""
        for one in (beat.expected_at, beat.at)
    )
    if not due:
        return "Its signal did not come."
    if not last:
        return f"Its signal was due at {due} and did not come."
    return f"Its signal was due at {due} and did not come. The last one came at {last}."


def judge(beat: Beat, config: Config, now: datetime) -> Beat:
    """How it stands at this time. One never heard is waited for from when it was first judged."""
    if beat.state == NEW and beat.expected_at is None and beat.started_at is None:
        return replace(beat, expected_at=expected(config, now))
    until = deadline(beat, config)
    if until is None or beat.state == DOWN:
        return beat
    if now >= until:
        said = "It runs longer than it may." if beat.started_at else _missed(beat, config)
        return replace(beat, state=DOWN, since=now, said=said)
    late = beat.started_at is None and beat.expected_at is not None and now >= beat.expected_at
    if late and beat.state == UP:
        return replace(beat, state=LATE, since=now, said="Its signal is late.")
    return beat


def excuse(beat: Beat, config: Config, away_from: datetime, back_at: datetime) -> Beat:
    """We could not hear anything meanwhile: what was due then is waited for once more, for as long as the grace."""
    until = deadline(beat, config)
    if until is None or beat.state == DOWN or until < away_from:
        return beat
    expected_at = beat.started_at or beat.expected_at
    if expected_at is not None and expected_at > back_at:
        return beat
    wait = back_at + timedelta(seconds=min(config.grace, 3600))
    return replace(beat, excused_until=wait) if wait > until else beat
