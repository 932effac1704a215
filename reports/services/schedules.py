"""Reports that come by mail: who may be sent one, when the next is due, and how one asks for no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.base import LOOK, MANAGE, holding
from accounts.models import Membership, Team, User
from accounts.services import audit
from alerts.models import Channel
from core import zones
from core.clock import now
from core.locking import locked
from reports import periods
from reports.models import RHYTHMS, Run, Schedule, Sending
from reports.services.asking import Refused, check
from reports.services.files import FORMATS

MOST_RECIPIENTS = 50
NOBODY = gettext_noop("Nobody is left that it could be sent to.")
FIELDS = (
    "name", "kind", "selector", "target", "rhythm", "hour", "zone", "language", "formats", "people", "addresses",
    "enabled",
)  # fmt: skip
LATEST = timedelta(days=366)
_signer = signing.Signer(salt="watchkeeper report stop", sep=".")


@transaction.atomic
def save(schedule: Schedule, *, by: User, before: dict[str, Any] | None = None) -> Schedule:
    """Make or change one; Refused names the field that cannot stand."""
    validate(schedule, by)
    at = now()
    schedule.next_at = periods.next_due(schedule.rhythm, schedule.hour, _zone(schedule), at)
    schedule.fault = ""
    fresh = schedule.pk is None
    if fresh:
        schedule.owner = by
    schedule.stopped = [one for one in schedule.stopped if one.lower() in _named(schedule)]
    try:
        with transaction.atomic():
            schedule.save()
    except IntegrityError as fault:
        raise Refused("name", _("This name is taken in the team.")) from fault
    action = "report_schedule.make" if fresh else "report_schedule.change"
    audit(by, action, schedule, before=before or {}, after=told(schedule))
    return schedule


def _named(schedule: Schedule) -> set[str]:
    """Every address it is meant for, of people and beside them."""
    people = User.objects.filter(uuid__in=schedule.people).values_list("email", flat=True)
    return {str(one).lower() for one in [*people, *schedule.addresses]}


def told(schedule: Schedule) -> dict[str, Any]:
    """As the trail keeps it."""
    return {name: getattr(schedule, name) for name in FIELDS}


@transaction.atomic
def unschedule(schedule: Schedule, *, by: User) -> None:
    audit(by, "report_schedule.remove", schedule, before=told(schedule))
    schedule.delete()


def validate(schedule: Schedule, by: User) -> None:
    check(schedule.kind, schedule.selector)
    if schedule.rhythm not in RHYTHMS:
        raise Refused("rhythm", _("It is sent each week or each month."))
    if not 0 <= schedule.hour <= 23:
        raise Refused("hour", _("Give an hour from 0 to 23."))
    if zones.find(schedule.zone) is None:
        raise Refused("zone", _("There is no such time zone. Write one like Europe/Copenhagen or UTC."))
    if not 0 < schedule.target <= 100:
        raise Refused("target", _("Give a percentage above 0 and up to 100, such as 99.9."))
    if schedule.language not in dict(settings.LANGUAGES):
        raise Refused("language", _("This language is not spoken here."))
    if not set(schedule.formats) <= set(FORMATS):
        raise Refused("formats", _("Files are pdf, xlsx and csv."))
    _check_recipients(schedule, by)


def _check_recipients(schedule: Schedule, by: User) -> None:
    if not schedule.people and not schedule.addresses:
        raise Refused("people", _("Name somebody it is sent to."))
    if len(schedule.people) + len(schedule.addresses) > MOST_RECIPIENTS:
        raise Refused("people", _("At most %(n)d people and addresses.") % {"n": MOST_RECIPIENTS})
    whole = {str(user.uuid) for user in members(schedule.team)}
    for uuid in schedule.people:
        if uuid not in whole:
            raise Refused("people", _("Only members who see all servers of the team can be sent its reports."))
    mine, known = by.may(MANAGE, schedule.team), allowed(schedule.team) | _held(schedule)
    for address in schedule.addresses:
        try:
            validate_email(address)
        except ValidationError as fault:
            said = _("%(address)s is no address of mail.") % {"address": address[:100]}
            raise Refused("addresses", said) from fault
        if not mine and address.lower() not in known:
            said = _("%(address)s is in no mail channel of the team. An admin of the team may add it.")
            raise Refused("addresses", said % {"address": address})


def _held(schedule: Schedule) -> set[str]:
    """Addresses an admin once let in stay."""
    kept = Schedule.objects.filter(pk=schedule.pk).values_list("addresses", flat=True).first() or []
    return {str(one).lower() for one in kept}


def allowed(team: Team) -> set[str]:
    """Addresses that admins put into the mail channels of the team."""
    found: set[str] = set()
    for channel in Channel.objects.standing().of_teams().filter(team=team, kind="email"):
        found.update(str(one).lower() for one in channel.config.get("to", ()))
    return found


def members(team: Team) -> list[User]:
    """Those who see the whole team; whoever is narrowed to some servers must not be sent more."""
    rows = Membership.objects.filter(team=team, role__in=holding(LOOK), selector="", user__is_active=True)
    return [one.user for one in rows.select_related("user").order_by("user__email")]


def recipients(schedule: Schedule) -> list[str]:
    """Addresses as things stand now: whoever left the team or asked for no more is not among them."""
    people = {str(user.uuid): user.email for user in members(schedule.team)}
    wanted = [people[uuid] for uuid in schedule.people if uuid in people]
    stopped = {one.lower() for one in schedule.stopped}
    return list(dict.fromkeys(one for one in [*wanted, *schedule.addresses] if one.lower() not in stopped))


def due(at: datetime) -> int:
    """Have a report made for each schedule whose time has come; late is once, and no time comes twice."""
    count = 0
    for pk in Schedule.objects.filter(enabled=True, next_at__lte=at).values_list("pk", flat=True):
        with transaction.atomic():
            schedule = locked(Schedule.objects).filter(pk=pk, enabled=True, next_at__lte=at).first()
            if schedule is not None:
                count += _begin(schedule, at)
    return count


def _begin(schedule: Schedule, at: datetime) -> bool:
    zone = _zone(schedule)
    period = periods.last(schedule.rhythm, zone, at)
    schedule.next_at = periods.next_due(schedule.rhythm, schedule.hour, zone, at)
    schedule.save(update_fields=["next_at"])
    if not recipients(schedule):
        Schedule.objects.filter(pk=schedule.pk).update(fault=NOBODY)
        return False
    _run, fresh = Run.objects.get_or_create(
        schedule=schedule, start=period.start,
        defaults={
            "owner": schedule.owner, "team": schedule.team, "kind": schedule.kind, "selector": schedule.selector,
            "target": schedule.target, "period": period.name, "end": period.end, "zone": schedule.zone,
            "language": schedule.language,
        },
    )  # fmt: skip
    return fresh


def _zone(schedule: Schedule) -> Any:
    return zones.find(schedule.zone) or zones.UTC


def token(sending: Sending) -> str:
    """Speaks for one address and one schedule, and can do nothing but end that."""
    schedule = sending.run.schedule
    return _signer.sign_object([schedule.uuid.hex if schedule else "", sending.address])


def stop(text: str) -> tuple[Schedule, str] | None:
    """Whom a link speaks for; nothing where it is no link of ours, or the schedule is gone."""
    if len(text) > 1000:
        return None
    try:
        uuid, address = _signer.unsign_object(text)
        schedule = Schedule.objects.filter(uuid=uuid).first()
    except (signing.BadSignature, ValueError, ValidationError):
        return None
    return (schedule, str(address)) if schedule else None


@transaction.atomic
def end_for(schedule: Schedule, address: str) -> None:
    """No more of it to this address."""
    row = locked(Schedule.objects).filter(pk=schedule.pk).first()
    if row is not None and address.lower() not in {one.lower() for one in row.stopped}:
        row.stopped = [*row.stopped, address]
        row.save(update_fields=["stopped"])
        audit(None, "report_schedule.stop", row, after={"address": address})
        Sending.objects.filter(run__schedule=row, address__iexact=address, sent_at=None).delete()
