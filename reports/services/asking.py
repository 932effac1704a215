"""Ask for a report: small ones are made at once, large ones in a child of their own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from accounts.models import Team, User
from accounts.services import audit
from core import selector
from core.clock import from_milliseconds, now
from core.locking import locked
from core.registry import Unknown
from reports import scope
from reports.kinds import kinds
from reports.models import CANCELLED, OPEN, TARGET, WAITING, Run
from reports.periods import Period
from reports.saying import dated
from reports.services import files
from reports.services.making import make

LARGE = 100
LONG = timedelta(days=40)
MOST_WAITING = 5
MOST_AN_HOUR = 60


class Refused(ValueError):
    """What is asked for makes no report; says why, and of which field."""

    def __init__(self, field: str, said: str) -> None:
        super().__init__(said)
        self.field = field


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    kind: str
    period: Period
    selector: str = ""
    team: Team | None = None
    target: float = TARGET
    language: str = "en"


def ask(wish: Wish, *, by: User) -> Run:
    """A report for this person, of what they may report on; waits where it is large."""
    check(wish.kind, wish.selector)
    found = scope.of(by, wish.team, wish.selector, wish.period.start, wish.period.end)
    if not found.machines:
        raise _nobody(wish, by)
    run = _kept(wish, by)
    if len(found.machines) <= LARGE and run.end - run.start <= LONG:
        make(run)
    else:
        transaction.on_commit(wake)
    return run


def _nobody(wish: Wish, by: User) -> Refused:
    """Why it would be about no server: what came after the time is the common case on a young hub."""
    later = scope.of(by, wish.team, wish.selector, wish.period.start, now()).machines
    if later:
        first = from_milliseconds(min(one.began for one in later)).astimezone(wish.period.zone)
        said = _("These servers were added later, the first on %(day)s: ask for a time that reaches so far.")
        return Refused("period", said % {"day": dated(first)})
    return Refused("selector", _("No server that you may report on is meant by this, or none lived then."))


@transaction.atomic
def _kept(wish: Wish, by: User) -> Run:
    locked(User.objects).get(pk=by.pk)  # many that ask at once are counted one by one
    _check_pace(by)
    period = wish.period
    run = Run.objects.create(
        owner=by, within=by.within, team=wish.team, kind=wish.kind, selector=wish.selector, target=wish.target,
        period=period.name, start=period.start, end=period.end, zone=period.zone.key, language=wish.language,
    )  # fmt: skip
    audit(by, "report.make", run, after={"kind": run.kind, "from": str(run.start), "to": str(run.end)})
    return run


def _check_pace(by: User) -> None:
    mine = Run.objects.filter(owner=by)
    if mine.filter(state__in=OPEN).count() >= MOST_WAITING:
        said = _("You have %(n)d reports under way. Wait for one, or call one off.")
        raise Refused("kind", said % {"n": MOST_WAITING})
    if mine.filter(created_at__gt=now() - timedelta(hours=1)).count() >= MOST_AN_HOUR:
        raise Refused("kind", _("You had %(n)d reports made within an hour. Wait a while.") % {"n": MOST_AN_HOUR})


def check(kind: str, text: str) -> None:
    try:
        kinds.get(kind)
    except Unknown as fault:
        raise Refused("kind", str(fault)) from fault
    try:
        selector.parse(text)
    except selector.Unreadable as fault:
        raise Refused("selector", str(fault)) from fault


def wake() -> None:
    """Have a worker look now; it would within seconds anyhow, so a broker that is away holds nobody up."""
    from reports.tasks import sweep  # noqa: PLC0415 - tasks ask by this module

    with suppress(OperationalError):
        sweep.apply_async(retry=False)


def cancel(run: Run, *, by: User) -> bool:
    """Call it off; whoever makes it stops at the next step."""
    with transaction.atomic():
        called = Run.objects.filter(pk=run.pk, state__in=OPEN).update(state=CANCELLED, done_at=now(), moved_at=now())
        if called:
            audit(by, "report.cancel", run)
    run.refresh_from_db()
    return bool(called)


@transaction.atomic
def forget(run: Run, *, by: User) -> None:
    """Its row and its files. One that is being made is called off first. Of a schedule the row stays, empty."""
    cancel(run, by=by)
    files.remove(run)
    audit(by, "report.forget", run)
    if run.schedule_id is None:
        run.delete()
    else:
        Run.objects.filter(pk=run.pk).update(bytes=0)


__all__ = ["LARGE", "WAITING", "Refused", "Wish", "ask", "cancel", "check", "forget", "wake"]
