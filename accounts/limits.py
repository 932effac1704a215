"""How often somebody may try: counted in one table for all processes, and visible to those who run the place."""

from __future__ import annotations

import ipaddress
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models, transaction
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.base import LOOK
from core.clock import now
from core.locking import locked
from core.managers import managed

if TYPE_CHECKING:
    from core.errors import Failure

MOST_ROWS = 20_000
TRIM_EVERY = 60.0
FORGOTTEN = timedelta(days=1)
LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Rate:
    """So many tries within that time; who goes on waits, and twice as long each time up to the longest."""

    title: Any
    most: int
    within: timedelta
    wait: timedelta
    longest: timedelta


def _minutes(title: Any, most: int, within: int, wait: int, longest: int = 0) -> Rate:
    span = [timedelta(minutes=minutes) for minutes in (within, wait, longest or wait)]
    return Rate(title, most, *span)


KINDS: dict[str, Rate] = {
    "sign_in": _minutes(_("Sign-in of one person from one address"), 5, 15, 5, 60),
    "sign_in_account": _minutes(_("Sign-in of one person from anywhere"), 20, 60, 15),
    "sign_in_address": _minutes(_("Sign-ins from one address"), 50, 15, 15),
    "sign_in_device": _minutes(_("Sign-in from a device that is known"), 5, 15, 5, 60),
    "second_factor": _minutes(_("Second factor of one person"), 5, 15, 5, 60),
    "reset": _minutes(_("Password reset of one person"), 3, 60, 60),
    "reset_address": _minutes(_("Password resets from one address"), 20, 60, 60),
    "invitation": _minutes(_("Wrong invitations from one address"), 20, 15, 15),
    "enrolment": _minutes(_("Wrong enrolment tokens from one address"), 30, 15, 15),
    "api_token": _minutes(_("Wrong API tokens from one address"), 100, 15, 5),
    "ping": _minutes(_("Unknown heartbeats from one address"), 300, 15, 5),
    "agent_key": _minutes(_("Wrong agent keys from one address"), 300, 15, 5),
}


def titles() -> list[tuple[str, Any]]:
    return [(kind, rate.title) for kind, rate in KINDS.items()]


class LimitQuerySet(models.QuerySet["Limit"]):
    def visible_to(self, user: Any, verb: str = LOOK) -> Self:
        """Addresses and people of all teams stand in it: for site owners alone."""
        return self.all() if getattr(user, "is_superuser", False) and user.is_active else self.none()

    def waiting(self, at: datetime) -> Self:
        return self.filter(until__gt=at)


class Limit(models.Model):
    """How often somebody tried lately, and until when they must wait."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("what"), max_length=20, choices=titles)
    subject = models.CharField(_("who"), max_length=LONGEST_SUBJECT)
    count = models.PositiveIntegerField(_("tries"), default=0)
    since = models.DateTimeField(_("counted since"))
    until = models.DateTimeField(_("must wait until"), null=True, blank=True)
    waits = models.PositiveSmallIntegerField(_("waits in a row"), default=0)
    changed_at = models.DateTimeField(_("last try"), auto_now=True, db_index=True)
    objects: ClassVar[LimitQuerySet] = managed(LimitQuerySet)

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits: who must wait")
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_limit_of_a_kind")]

    def __str__(self) -> str:
        return f"{KINDS[self.kind].title if self.kind in KINDS else self.kind}: {self.subject}"

    def left(self, at: datetime) -> float:
        """Seconds still to wait; a time that a clock far ahead wrote does not hold for ever."""
        rate = KINDS.get(self.kind)
        seconds = (self.until - at).total_seconds() if self.until else 0.0
        return seconds if rate and seconds <= rate.longest.total_seconds() else 0.0


@dataclass(frozen=True)
class Limited:
    """Somebody tried too often."""

    kind: str
    seconds: int
    began: bool = False
    """Whether this try was the one too many."""

    @property
    def minutes(self) -> int:
        return max(1, math.ceil(self.seconds / 60))

    def sentence(self) -> str:
        wait = ngettext("Wait %(n)d minute", "Wait %(n)d minutes", self.minutes) % {"n": self.minutes}
        return gettext(
            "Those were too many tries. %(wait)s, then try again. "
            "A site owner can end the wait under Settings, Limits on tries."
        ) % {"wait": wait}

    def failure(self) -> Failure:
        from core.errors import Failure  # noqa: PLC0415 - DRF is not there yet when models are loaded

        return Failure(self.sentence(), code="too_many", status=429, retry=self.seconds)


def place(address: str) -> str:
    """An address as it is counted: of IPv6 the network that one customer gets."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown address"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def check(kind: str, subject: str) -> Limited | None:
    """Whether they must wait; nothing is counted."""
    row = Limit.objects.filter(kind=kind, subject=subject[:LONGEST_SUBJECT]).first()
    left = row.left(now()) if row else 0.0
    return Limited(kind, math.ceil(left)) if left > 0 else None


def first_waiting(subjects: Mapping[str, str]) -> Limited | None:
    """The same of several at once, by kind."""
    wanted = models.Q(pk__in=[])
    for kind, subject in subjects.items():
        wanted |= models.Q(kind=kind, subject=subject[:LONGEST_SUBJECT])
    at = now()
    for row in Limit.objects.filter(wanted, until__gt=at):
        if (left := row.left(at)) > 0:
            return Limited(row.kind, math.ceil(left))
    return None


def count(kind: str, subject: str, by: int = 1) -> Limited | None:
    """Count a try before it is judged, so that many at once cannot slip through; who must wait is only told so."""
    subject = subject[:LONGEST_SUBJECT]
    if limited := check(kind, subject):
        return limited
    _trim()
    with transaction.atomic():
        Limit.objects.bulk_create([Limit(kind=kind, subject=subject, since=now())], ignore_conflicts=True)
        row = locked(Limit.objects).get(kind=kind, subject=subject)
        at = now()  # once it is ours: a moment from before would stand before what others counted meanwhile
        left = row.left(at)
        return Limited(kind, math.ceil(left)) if left > 0 else _counted(row, by, at)


def _counted(row: Limit, by: int, at: datetime) -> Limited | None:
    rate = KINDS[row.kind]
    # A wait that is over gives one round of tries anew; a quiet time as long as the longest wait forgets the rest.
    if row.until or not timedelta() <= at - row.since <= rate.within:
        calm = at - max(row.until or row.since, row.since) > max(rate.within, rate.longest)
        row.count, row.since, row.until, row.waits = 0, at, None, 0 if calm else row.waits
    row.count += by
    wait = None
    if row.count > rate.most:
        wait = min(rate.wait * 2 ** min(row.waits, 10), rate.longest)
        row.until, row.waits = at + wait, row.waits + 1
    row.save(update_fields=["count", "since", "until", "waits", "changed_at"])
    if wait is None:
        return None
    _tell(row)
    return Limited(row.kind, math.ceil(wait.total_seconds()), began=True)


def give_back(kind: str, subject: str) -> None:
    """The try was a right one: it does not count."""
    rows = Limit.objects.filter(kind=kind, subject=subject[:LONGEST_SUBJECT], count__gt=0)
    rows.update(count=models.F("count") - 1)


def forget(kind: str, subject: str) -> None:
    """They are who they say: their wrong tries count no more."""
    Limit.objects.filter(kind=kind, subject=subject[:LONGEST_SUBJECT]).delete()


@transaction.atomic
def clear(limit: Limit, *, by: Any) -> None:
    """A site owner lets them try again at once."""
    from accounts.trail import audit  # noqa: PLC0415 - it stands on the models, which hold this table

    audit(by, "limit.clear", limit, before={"tries": limit.count, "until": limit.until})
    Limit.objects.filter(pk=limit.pk).delete()


def _tell(row: Limit) -> None:
    from accounts.trail import audit  # noqa: PLC0415 - as above

    audit(None, "limit.begin", row, after={"tries": row.count, "until": row.until})


_trimmed_at = float("-inf")


def _trim() -> None:
    global _trimmed_at  # noqa: PLW0603 - one number a process
    if time.monotonic() - _trimmed_at >= TRIM_EVERY:
        _trimmed_at = time.monotonic()
        trim()


def trim() -> None:
    """Strangers choose the subjects, so there are never more than so many."""
    Limit.objects.filter(changed_at__lt=now() - FORGOTTEN).delete()
    beyond = Limit.objects.order_by("-changed_at").values_list("changed_at", flat=True)[MOST_ROWS:][:1]
    for at in beyond:
        Limit.objects.filter(changed_at__lte=at).delete()
