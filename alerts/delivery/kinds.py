"""A channel as what sends over it, and what must not be shown of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from alerts.channels.base import DeliveryError, Kind, channels
from alerts.models import Channel
from alerts.services import people
from core.registry import Unknown
from core.sealed import Broken

SHORTEST = 4
SECRETS = ("twilio_token", "slack_token", "slack_signing_secret", "vapid_private_key")


def sender(channel: Channel) -> Kind:
    """What sends over it, or why nothing can."""
    try:
        return channels.get(channel.kind)(channel.config)
    except (Unknown, Broken, ValueError, ValidationError) as error:
        text = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise DeliveryError(text, permanent=True, fault=True) from error


def of(channel: Channel) -> type[Kind] | None:
    try:
        return channels.get(channel.kind)
    except Unknown:
        return None


def redacted(text: str, channel: Channel) -> str:
    """Without the channel's secrets and ours: providers repeat in their answers what they were given.

    Of a person's own channel also without their numbers and addresses: their team reads the answers.
    """
    for secret in _hidden(channel) if text else ():
        text = text.replace(secret, "…")
    return text


def _hidden(channel: Channel) -> list[str]:
    """The longest first. Kept with the row as it was read: a storm has thousands of answers."""
    known: tuple[str, list[str]] | None = channel.__dict__.get("_hidden")
    if known is None or known[0] != channel.sealed_config:
        hidden = _secrets(channel) | (set(people.recipients(channel)) if channel.own else set())
        known = channel.__dict__["_hidden"] = (
            channel.sealed_config,
            sorted(filter(None, hidden), key=len, reverse=True),
        )
    return known[1]


def _secrets(channel: Channel) -> set[str]:
    found = {str(getattr(settings.ENV, name)) for name in SECRETS}
    kind = of(channel)
    try:
        config: dict[str, Any] = channel.config
    except Broken:
        config = {}
    for field in kind.fields if kind else ():
        if field.secret:
            found.add(str(config.get(field.name, "")))
    found |= {part for secret in found if "://" in secret for part in secret.split("/")[3:]}
    return {secret for secret in found if len(secret) >= SHORTEST}
