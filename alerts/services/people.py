"""Who may be told, and over what, when: a person's ways, their quiet hours, and mail where they chose nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.base import ACT, LOOK, holding, narrow
from accounts.models import Membership, Team, User
from alerts import quiet
from alerts.channels.base import channels
from alerts.models import Channel, Incident, Preference, Way
from core import sealed
from core.registry import Unknown
from servers.models import Server

ADDRESS = "My address"  # the own channel that everybody has without asking: mail to the account's address
TAKEN = "My address (mail)"  # where a channel of theirs has that name
WORDS = {"email": "mail", "sms": "SMS", "slack": "Slack", "teams": "Teams", "push": "push", "webhook": "webhook"}


@dataclass(frozen=True, slots=True)
class Reach:
    """One way in which a person is told this time."""

    channel: Channel
    recipient: str
    due_at: datetime


def tellable(team: Team) -> QuerySet[User]:
    """Active people who may look at the team: nobody else is told of its troubles."""
    members = Membership.objects.filter(team=team, role__in=holding(LOOK)).values("user")
    return User.objects.filter(Q(pk__in=members) | Q(is_superuser=True), is_active=True)


def may_be_told(user: User | None, team: Team) -> bool:
    return user is not None and user.may(LOOK, team)


def lookers(team: Team, uuids: Iterable[str]) -> list[str]:
    """A sentence for each who may be told but not act, or not always: whoever saves it may count on an answer."""
    acting = Membership.objects.filter(team=team, role__in=holding(ACT)).values("user")
    found = tellable(team).filter(uuid__in=set(uuids), is_superuser=False).exclude(pk__in=acting).order_by("pk")
    narrowed = Membership.objects.filter(team=team, user__uuid__in=set(uuids), user__is_superuser=False)
    narrowed = narrowed.exclude(selector="").select_related("user").order_by("user")
    text = _("%(name)s sees %(selector)s alone, and is skipped where the trouble is of other servers.")
    parts = [text % {"name": member.user, "selector": member.selector} for member in narrowed]
    return [looks(user) for user in found] + parts


def looks(user: User) -> str:
    return _("%(name)s may look but not acknowledge: their messages carry no button.") % {"name": user}


def on_duty(team: Team) -> list[User]:
    """The members who may act on it; where a team has none, all of its members."""
    members = Membership.objects.filter(team=team, user__is_active=True).select_related("user").order_by("pk")
    acting = [member.user for member in members if member.role in holding(ACT)]
    return acting or [member.user for member in members]


def sees(user: User, incident: Incident, server: int | None = None) -> bool:
    """Whoever is narrowed to some servers hears nothing of the others'; `server`: it is about that one alone."""
    if not narrow.concerns(user):
        return True
    if server is not None:
        return Server.objects.carrying(user).filter(pk=server).exists()
    return Incident.objects.filter(pk=incident.pk).visible_to(user).exists()


def callable_for(incident: Incident, server: int | None = None) -> list[User]:
    """Its team's members on duty who may see it, else any other member who may, else the site owners."""
    members = User.objects.filter(memberships__team=incident.team, is_active=True).order_by("memberships__pk")
    owners = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    for users in (on_duty(incident.team), members, owners):
        if seen := [user for user in users if sees(user, incident, server)]:
            return seen
    return []


def preference(user: User) -> Preference:
    """As chosen, or as it is for whoever chose nothing; not saved."""
    chosen = Preference.objects.filter(user=user).first() or Preference(user=user)
    chosen.user = user
    return chosen


def ways(user: User, severity: str, now: datetime) -> list[Reach]:
    """How this person is told of it, the first way first. Whom no way fits is told by mail, so nothing is lost."""
    if not user.is_active:
        return []
    rest = preference(user).hours()
    start = quiet.earliest(rest, now, severity)
    fitting = ["warn", "critical"] if severity == "critical" else ["warn"]
    chosen = Way.objects.filter(user=user, severity__in=fitting, channel__enabled=True, channel__owner=user)
    found: dict[tuple[int, str], Reach] = {}
    for way in chosen.select_related("channel"):
        due = quiet.earliest(rest, start + timedelta(seconds=way.after), severity)
        for to in recipients(way.channel):
            _keep(found, Reach(way.channel, to, due))
    if not found:
        _keep(found, Reach(own_address(user), user.email, start))
    return list(found.values())


def _keep(found: dict[tuple[int, str], Reach], reach: Reach) -> None:
    """One channel may stand in two ways, for warnings later than for the worst: the sooner counts."""
    known = found.get((reach.channel.pk, reach.recipient))
    if known is None or reach.due_at < known.due_at:
        found[reach.channel.pk, reach.recipient] = reach


def recipients(channel: Channel) -> list[str]:
    try:
        return channels.get(channel.kind)(channel.config).recipients()
    except (Unknown, sealed.Broken, ValueError, ValidationError):
        return [""]  # the delivery fails with the reason, where people see it


@transaction.atomic
def own_address(user: User) -> Channel:
    """Mail to the address of the account, made when it is first needed and kept true to it."""
    config = {"to": [user.email]}
    mine = {one.name: one for one in Channel.objects.standing().filter(owner=user, name__in=(ADDRESS, TAKEN))}
    name = TAKEN if ADDRESS in mine and mine[ADDRESS].kind != "email" else ADDRESS
    channel = mine.get(name)
    if channel is None:
        fresh = Channel(owner=user, name=name, kind="email", default=False)
        fresh.config = config
        made = {"kind": "email", "default": False, "sealed_config": fresh.sealed_config}
        return Channel.objects.get_or_create(owner=user, name=name, removed_at=None, defaults=made)[0]
    if (channel.kind, channel.enabled, recipients(channel)) != ("email", True, config["to"]):
        # It is the last way to somebody: whatever was made of it, it leads to them.
        channel.kind, channel.enabled, channel.config = "email", True, config
        channel.save(update_fields=["kind", "enabled", "sealed_config"])
    return channel
