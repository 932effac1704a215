"""What people choose for themselves: their own channels, the ways over them, and their quiet hours."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.base import MANAGE
from accounts.models import User
from accounts.services import audit
from alerts.channels.base import channels
from alerts.models import Channel, Preference, Way
from alerts.services import people
from core import sealed
from core.errors import Conflict

MOST = 20
PROFILE = {"language", "zone"}
Config = dict[str, Any]
# What anybody may set for themselves: an address of theirs, sent by what the product is connected to.
ANYBODYS = {"email": {"to"}, "sms": {"to"}, "slack": {"channel"}, "push": set[str]()}
FOR_MANAGERS = (
    "Only who manages a team may name a URL or a server: it would reach into networks. "
    "Choose mail, SMS or push, or ask an admin."
)


def config_of(kind: str, address: str) -> Config:
    """An address alone, as the kind's own configuration: the field that must be given, else url or the first."""
    shape = channels.get(kind)
    if not address:
        return {}
    fields = {field.name: field for field in shape.fields}
    must = [field for field in shape.fields if field.required]
    urls = [fields["url"]] if "url" in fields and "://" in address else []
    field = next(iter((*must, *urls, *shape.fields)), None)
    if field is None:
        raise ValueError(f"{shape.title} takes no address.")
    return {field.name: [address] if field.type == "list" else address}


def refusal(user: User, kind: str, config: Config) -> str:
    """Why this person may not have such a channel of their own; empty where they may."""
    harmless = kind in ANYBODYS and set(config) <= ANYBODYS[kind]
    return "" if harmless or user.may(MANAGE) else FOR_MANAGERS


@transaction.atomic
def own_channel(user: User, kind: str, config: Config) -> Channel:
    """Theirs with this very configuration, or a new one. The address of the account is there already."""
    title = channels.get(kind).title
    if kind == "email" and config == {"to": [user.email]}:
        return people.own_address(user)
    mine = list(Channel.objects.standing().filter(owner=user))
    for one in mine:
        if one.kind == kind and _config(one) == config:
            Channel.objects.filter(pk=one.pk).update(enabled=True)
            return one
    room(user)
    taken = {one.name for one in mine}
    names = (title if count == 1 else f"{title} {count}" for count in range(1, MOST + 2))
    fresh = Channel(owner=user, kind=kind, name=next(name for name in names if name not in taken), default=False)
    fresh.config = config
    fresh.save()
    audit(user, "channel.add", fresh, after={"kind": kind, "name": fresh.name})
    return fresh


def room(user: User) -> None:
    """Everybody may make some, so nobody may make many."""
    if Channel.objects.standing().filter(owner=user).count() >= MOST:
        raise Conflict(f"You have {MOST} channels of your own. Remove one first.", code="too_many")


def _config(channel: Channel) -> Config | None:
    try:
        return channel.config
    except sealed.Broken:
        return None


@transaction.atomic
def add_way(user: User, channel: Channel, wish: dict[str, Any]) -> Way:
    """The last of their ways, unless they say where; the same channel from the same severity stands once."""
    severity = wish.get("severity", "warn")
    if Way.objects.filter(user=user, channel=channel, severity=severity).exists():
        raise Conflict(f"You are told by {channel} from {severity} on already.", code="taken")
    if Way.objects.filter(user=user).count() >= MOST:
        raise Conflict(f"You have {MOST} ways already. Remove one first.", code="too_many")
    last = Way.objects.filter(user=user).aggregate(last=Max("place"))["last"]
    place = wish.get("place", 0 if last is None else last + 1)
    way = Way.objects.create(user=user, channel=channel, severity=severity, after=wish.get("after", 0), place=place)
    audit(user, "way.add", way, after={"severity": severity, "after": way.after})
    return way


@transaction.atomic
def set_preference(user: User, wish: dict[str, Any]) -> Preference:
    """Language and zone go to the person's profile, and only where they were changed: none chosen stays so."""
    row, _ = Preference.objects.get_or_create(user=user)
    row.user = user
    before = {name: str(getattr(row, name)) for name in wish}
    profile = [name for name in PROFILE & set(wish) if getattr(row, name) != wish[name]]
    for name, value in wish.items():
        if name not in PROFILE:
            setattr(row, name, value)
    for name in profile:
        setattr(user, name, wish[name])
    row.save()
    if profile:
        user.save(update_fields=profile)
    audit(user, "preference.change", row, before=before, after={name: str(value) for name, value in wish.items()})
    return row
