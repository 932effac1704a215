"""A test message over a channel, now, and what the provider answered word for word."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any

from alerts import messages
from alerts.channels.base import DeliveryError, Gone, Kind, Message
from alerts.delivery import breaker, kinds, subscriptions
from alerts.models import Channel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tried:
    """What became of it for one recipient."""

    to: str
    ok: bool
    answer: str

    def shown(self) -> dict[str, Any]:
        return asdict(self)


class TestFailed(DeliveryError):
    """At least one recipient was not told; `answers` has all of them."""

    __test__ = False

    def __init__(self, answers: list[Tried]) -> None:
        super().__init__(" ".join(one.answer for one in answers if not one.ok)[:1000])
        self.answers = answers


def send_test(channel: Channel) -> list[Tried]:
    """Tell each recipient at once; one that fails does not keep the others from being told."""
    kind = kinds.sender(channel)
    recipients = kind.recipients()
    if not recipients:
        raise DeliveryError("Nobody would be told: there is no recipient yet.", permanent=True)
    answers = [_tried(kind, channel, to) for to in recipients]
    if not all(one.ok for one in answers):
        raise TestFailed(answers)
    breaker.wake(channel)
    return answers


def _tried(kind: Kind, channel: Channel, to: str) -> Tried:
    message: Message = messages.test_message(channel)
    try:
        sent = kind.send(message, to)
    except DeliveryError as error:
        if isinstance(error, Gone):
            subscriptions.remove(channel.pk, to)
        said = " ".join(part for part in (str(error), error.answer) if part)
        return Tried(to, ok=False, answer=kinds.redacted(said, channel)[:700])
    except Exception as error:
        # A fault of ours in one kind of channel is an answer too.
        log.exception("The test of channel %d failed", channel.pk)
        return Tried(to, ok=False, answer=kinds.redacted(f"Watchkeeper could not send it: {error}", channel)[:700])
    return Tried(to, ok=True, answer=kinds.redacted(sent.answer, channel))
