"""Tell people by text message, through Twilio or what speaks like it."""

from __future__ import annotations

import base64
import re
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from alerts.channels import web
from alerts.channels.base import DeliveryError, Field, Message, Sent, Usual, channels, check_count, read_config
from alerts.telephone import GSM, TWICE

API = "https://api.twilio.com"
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_ACCOUNT = re.compile(r"[\w-]{1,64}", re.ASCII)  # it becomes a part of the address
GSM_PLACES, WIDE_PLACES = 160, 70
GSM_PART, WIDE_PART = 153, 67  # a part of a longer message gives some places to its number
MOST_PARTS = 3
BAD_NUMBER = {21211, 21214, 21217, 21219, 21408, 21610, 21612, 21614}
BAD_CREDENTIALS = {20003, 20404, 21606, 21659, 21660, 21705}
BUSY = {20429, 14107, 21611, 30001}


class Config(msgspec.Struct, forbid_unknown_fields=True):
    to: list[str]
    account: str = ""
    token: str = ""
    sender: str = msgspec.field(default="", name="from")
    service: str = ""
    api_url: str = ""


@channels.register("sms")
class Sms(Usual):
    title: ClassVar[str] = "SMS (Twilio)"
    storm_cap: ClassVar[int] = 10
    answered: ClassVar[bool] = True
    fields: ClassVar[tuple[Field, ...]] = (
        Field("to", "Numbers", "With country code, such as +4520123456.", required=True, type="list"),
        Field("account", "Account SID", "Empty: TWILIO_ACCOUNT_SID."),
        Field("token", "Auth token", "Empty: TWILIO_AUTH_TOKEN.", secret=True),
        Field("from", "Sender's number", "Empty: TWILIO_FROM."),
        Field("service", "Messaging service SID", "Instead of a number. Empty: TWILIO_MESSAGING_SERVICE_SID."),
        Field("api_url", "Address of the API", "Of a gateway that speaks like Twilio. Empty: TWILIO_API_URL."),
    )

    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        self.config.to = [re.sub(r"[\s().-]", "", number) for number in self.config.to]
        if not self.config.to:
            raise ValueError("config.to needs at least one number, such as +4520123456.")
        for number in self.config.to:
            if not _NUMBER.fullmatch(number):
                raise ValueError(f"{number[:30]} is no phone number with its country code, such as +4512345678.")
        check_count(self.config.to)
        if self.config.account and not _ACCOUNT.fullmatch(self.config.account):
            raise ValueError(
                "config.account is no account: letters, digits, - and _, such as AC followed by 32 of them."
            )
        if self.config.api_url:
            web.check_url("api_url", self.config.api_url)

    def recipients(self) -> list[str]:
        return self.config.to

    def send(self, message: Message, to: str) -> Sent:
        from twilio.base.exceptions import TwilioException, TwilioRestException  # noqa: PLC0415 - slow to load

        client = self._client()
        try:
            made = client.messages.create(to=to, body=text(message), **self._sender())
        except TwilioRestException as error:
            raise _failed(error, client.http_client.answer) from error
        except (TwilioException, ValueError, AttributeError, TypeError) as error:
            # For good: it may have been taken, and every try may cost. The other way is told at once.
            said = client.http_client.answer
            raise DeliveryError("The SMS provider's answer cannot be read.", permanent=True, answer=said) from error
        return Sent(client.http_client.answer, str(made.sid or ""))

    def _client(self) -> Any:
        from twilio.rest import Client  # noqa: PLC0415 - slow to load

        own, given = self.config, settings.ENV
        account, token = own.account, own.token
        if not own.api_url:  # what somebody typed in must not be given the account of the environment
            account, token = account or given.twilio_account, token or given.twilio_token
        if not (account and token):
            raise DeliveryError(
                "No SMS account is set. Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or write them here.",
                permanent=True, fault=True,
            )  # fmt: skip
        return Client(account, token, http_client=_bounded(self.config.api_url))

    def _sender(self) -> dict[str, str]:
        """What the channel says wins over the environment, and a service over a number."""
        own, given = self.config, settings.ENV
        service = own.service or ("" if own.sender else given.twilio_service)
        sender = own.sender or given.twilio_from
        if service:
            return {"messaging_service_sid": service}
        if sender:
            return {"from_": sender}
        raise DeliveryError(
            "No sender of text messages is set. Set TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID.",
            permanent=True, fault=True,
        )  # fmt: skip


def _bounded(api_url: str) -> Any:
    """Twilio's client over our one client for outgoing HTTP, at whatever address it is."""
    from twilio.http import HttpClient  # noqa: PLC0415 - slow to load
    from twilio.http.response import Response  # noqa: PLC0415 - slow to load

    class Bounded(HttpClient):  # type: ignore[misc]
        answer = ""

        def request(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917 - the SDK's own face
            self, method, uri, params=None, data=None, headers=None, auth=None, timeout=None, allow_redirects=False
        ) -> Response:
            base = api_url or settings.ENV.twilio_api_url
            url = uri.replace(API, base.rstrip("/"), 1) if base else uri
            named = {**(headers or {}), "Authorization": _basic(auth)}
            named.setdefault("Content-Type", "application/x-www-form-urlencoded")
            given = web.request(
                method, url, urlencode(data or {}).encode(), named, trusted=bool(base and not api_url)
            )
            self.answer = web.raw(given)
            return Response(given.status, given.body.decode("utf-8", "replace"), given.headers)

    return Bounded(None, is_async=False, timeout=web.TIMEOUT)


def _basic(auth: tuple[str, str] | None) -> str:
    return "Basic " + base64.b64encode(":".join(auth or ("", "")).encode()).decode()


def _failed(error: Any, answer: str) -> DeliveryError:
    """Twilio's own number of the fault says more than the status."""
    code, status = int(error.code or 0), int(error.status or 0)
    again = web.passing(status) or code in BUSY
    credentials = status in {401, 403} or code in BAD_CREDENTIALS
    if code in BAD_NUMBER:
        text = f"The number cannot be told by SMS: {error.msg} ({code})."
    elif credentials:
        text = f"The SMS account was refused: {error.msg} ({code or status}). Write its credentials anew."
    else:
        text = f"The SMS provider answered {status}: {error.msg} ({code})."
    return DeliveryError(text, permanent=not again, answer=answer, fault=credentials)


def places(text: str) -> int:
    """How many places a text takes: of 160 in GSM-7's letters, else of 70."""
    if all(letter in GSM or letter in TWICE for letter in text):
        return len(text) + sum(letter in TWICE for letter in text)
    return len(text.encode("utf-16-be")) // 2


def parts(text: str) -> int:
    """How many messages a phone company makes of it."""
    plain = all(letter in GSM or letter in TWICE for letter in text)
    one, more = (GSM_PLACES, GSM_PART) if plain else (WIDE_PLACES, WIDE_PART)
    taken = places(text)
    return 1 if taken <= one else -(-taken // more)


def text(message: Message) -> str:
    """The short form; where it can be answered, how. Never more than a few messages' worth."""
    said = message.short or message.summary
    if message.code and message.event in {"firing", "repeat", "reminder", "escalated", "unacknowledged"}:
        said = f"{said} {message.words.get('reply', 'Reply')}: ack {message.code}"
    said = _without_pictures(said)
    while parts(said) > MOST_PARTS:
        said = said[:-10].rstrip() + "..."
    return said


def _without_pictures(text: str) -> str:
    """Pictures would make each message cost twice; common marks get their plain form."""
    plain = text.translate(
        {0x2014: "-", 0x2013: "-", 0x2026: "...", 0x201C: '"', 0x201D: '"', 0x2019: "'", 0xA0: " "}
    )
    return "".join(letter for letter in plain if ord(letter) < 0x2190 or 0x3000 <= ord(letter) < 0xFB00)
