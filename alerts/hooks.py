"""Doors for answers from outside: Slack's button and text messages, each proven by the provider's signature."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterable
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.base import narrow
from accounts.models import User
from alerts import services
from alerts.channels.base import DeliveryError
from alerts.channels.slack import Slack
from alerts.channels.slack_blocks import ACTION
from alerts.messages.again import title
from alerts.messages.plain import line
from alerts.messages.read import known, reader, whose
from alerts.models import Channel, Delivery, Incident
from alerts.models.seen import for_viewer
from alerts.services.answering_links import may_answer
from core.clock import now
from core.sealed import Broken

FRESH = 300  # seconds: an older request was recorded and is played again
ASKED = re.compile(r"\s*ack(?:nowledge)?\s+#?(\d{4})\s*", re.IGNORECASE)
REMEMBERED = timedelta(days=7)
MOST = 64 << 10
_STAMP = re.compile(r"[0-9]{1,12}")


class Who(msgspec.Struct):
    """Somebody in Slack, as Slack says."""

    id: str = ""
    name: str = ""
    username: str = ""


class Profile(msgspec.Struct):
    email: str = ""


class Member(msgspec.Struct):
    profile: Profile = msgspec.field(default_factory=Profile)


class Info(msgspec.Struct):
    """What we read of Slack's users.info."""

    user: Member = msgspec.field(default_factory=Member)


class Action(msgspec.Struct):
    action_id: str = ""
    value: str = ""


class Pressed(msgspec.Struct):
    """What we read of a pressed button."""

    actions: list[Action] = []
    user: Who = msgspec.field(default_factory=Who)


@csrf_exempt
@require_POST
def slack(request: HttpRequest) -> HttpResponse:
    """Somebody pressed a button of ours. Slack waits three seconds and wants an empty 200."""
    body = request.body
    channels = _proven(request, body) if len(body) <= MOST else []
    if not channels:
        return _refused()
    try:
        pressed = msgspec.json.decode(parse_qs(body.decode())["payload"][0], type=Pressed)
    except (ValueError, KeyError):
        return HttpResponse("This cannot be read.", status=400, content_type="text/plain")
    for action in pressed.actions:
        if action.action_id == ACTION:
            _acknowledge_from_slack(action.value, pressed.user, channels)
    return HttpResponse(status=200)


def _proven(request: HttpRequest, body: bytes) -> list[Channel]:
    """The Slack channels whose app signed this; none for a forged or an old request."""
    stamp, given = request.headers.get("X-Slack-Request-Timestamp", ""), request.headers.get("X-Slack-Signature", "")
    if not _STAMP.fullmatch(stamp) or abs(time.time() - int(stamp)) > FRESH:
        return []
    found = []
    for channel, config in _configured("slack"):
        secret = config.get("signing_secret") or settings.ENV.slack_signing_secret
        made = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        if secret and hmac.compare_digest(f"v0={made}".encode(), given.encode()):
            found.append(channel)
    return found


def _acknowledge_from_slack(value: str, who: Who, channels: list[Channel]) -> None:
    try:
        incident = Incident.objects.filter(uuid=UUID(value)).select_related("team").first()
    except ValueError:
        return
    if incident is None:
        return
    told = Delivery.objects.filter(notice__incident=incident, channel__in=channels)
    delivery = told.select_related("channel__owner").first()
    if delivery is None:  # another team's: a signature says who asks, not what may be answered
        return
    if _may_not(delivery.channel.owner, incident):
        return
    user = _known(_mail_of(delivery.channel, who.id), incident)
    name = line(who.name or who.username or who.id or "?", 60)
    services.acknowledge(incident, now(), by=user, over="slack", name=f"Slack user {name}")


def _mail_of(channel: Channel, slack_id: str) -> str:
    """The address of a Slack user, where the app may ask for it (users:read.email)."""
    try:
        slack = Slack(channel.config)
        if slack.config.api_url:
            return ""  # whoever wrote that address could answer with anybody's
        return msgspec.convert(slack.call("users.info", user=slack_id), Info).user.profile.email
    except (DeliveryError, ValueError, Broken):
        return ""


def _may_not(person: User | None, incident: Incident) -> bool:
    """What was told to one person is answered by nobody once they may not act on it any more."""
    return person is not None and not may_answer(person, incident)


def _known(address: str, incident: Incident) -> User | None:
    """Whoever has this address here and may act on it; anybody else is a name."""
    user = User.objects.filter(email__iexact=address, is_active=True).first() if address else None
    return user if user is not None and may_answer(user, incident) else None


@csrf_exempt
@require_POST
def twilio(request: HttpRequest) -> HttpResponse:
    """Somebody answered a text message: `ack 1234`."""
    if len(request.body) > MOST:
        return _refused()
    given = {name: str(value) for name, value in request.POST.items()}
    channels = _signed(request, given)
    if not channels:
        return _refused()
    asked = ASKED.fullmatch(given.get("Body", ""))
    sender = given.get("From", "")
    delivery = _told(channels, sender, asked.group(1) if asked else "")
    language = reader(delivery, whose(delivery)).language if delivery else known(channels[0].language)
    with translation.override(language):
        return _reply(_answered(delivery, sender, asked.group(1) if asked else ""))


def _answered(delivery: Delivery | None, sender: str, code: str) -> str:
    """What is said to whoever wrote."""
    if not code:
        return _("Answer with ack and the number of the message, such as ack 1234.")
    if delivery is None:
        return _("There is no open trouble %(code)s that this number was told of.") % {"code": code}
    incident = delivery.notice.incident
    owner = delivery.channel.owner or delivery.person
    if _may_not(owner, incident):
        return _("You may look at it, not take it. Ask an operator of the team.")
    taken = incident.acknowledged_at is not None
    services.acknowledge(incident, now(), by=owner, over="sms", name=f"SMS {sender}")
    incident.refresh_from_db()
    if owner is not None and narrow.concerns(owner):
        for_viewer([incident], owner)
    said = {"name": incident.acknowledged_by or _("Somebody"), "trouble": title(incident)}
    mine = incident.acknowledged_by == owner if owner else not taken
    text = _("You look after it: %(trouble)s") if mine else _("%(name)s looks after it: %(trouble)s")
    return (text % said)[:300]


def _signed(request: HttpRequest, given: dict[str, str]) -> list[Channel]:
    """The SMS channels whose account signed this. The address is ours as seen from outside."""
    from twilio.request_validator import RequestValidator  # noqa: PLC0415 - slow to load

    url = f"{settings.SITE_URL}{request.get_full_path()}"
    signature = request.headers.get("X-Twilio-Signature", "")
    found = []
    for channel, config in _configured("sms"):
        token = config.get("token") or settings.ENV.twilio_token
        if token and RequestValidator(token).validate(url, given, signature):
            found.append(channel)
    return found


def _told(channels: Iterable[Channel], number: str, code: str) -> Delivery | None:
    """The newest message to this number with that code, or with any, while its trouble is open."""
    found = Delivery.objects.filter(
        channel__in=list(channels), recipient=number, notice__incident__resolved_at=None,
        notice__at__gt=now() - REMEMBERED,
    ).select_related("notice__incident__team", "channel__owner", "person")  # fmt: skip
    matching = (one for one in found.order_by("-pk") if code in {"", f"{one.notice.incident_id % 10_000:04d}"})
    return next(matching, None)


def _configured(kind: str) -> Iterable[tuple[Channel, dict[str, Any]]]:
    for channel in Channel.objects.filter(kind=kind, enabled=True):
        try:
            yield channel, channel.config
        except Broken:
            continue


def _refused() -> HttpResponse:
    return HttpResponse("The signature is not right.", status=401, content_type="text/plain")


def _reply(text: str) -> HttpResponse:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response><Message>{escape(text)}</Message></Response>'
    return HttpResponse(body, content_type="text/xml")
