"""Tell people by mail: the sentence first, then the facts and the link."""

from __future__ import annotations

import re
import smtplib
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.template.loader import render_to_string

from alerts.channels.base import DeliveryError, Message, channels, read_config

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class Config(msgspec.Struct, forbid_unknown_fields=True):
    to: list[str]


@channels.register("email")
class Email:
    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        if not self.config.to:
            raise ValueError("config.to needs at least one address.")
        for address in self.config.to:
            validate_email(address)

    def recipients(self) -> list[str]:
        return self.config.to

    def send(self, message: Message, to: str) -> None:
        if not settings.EMAIL_HOST:
            raise DeliveryError(
                "No mail server is set. Set EMAIL_URL, such as smtp+tls://user:pass@mail.example.org:587."
            )
        mail = EmailMessage(
            subject=subject(message),
            body=render_to_string("alerts/email.txt", {"message": message}),
            to=[to],
            headers={"Message-ID": f"<{message.key}@{urlsplit(settings.SITE_URL).hostname}>"},
        )
        try:
            mail.send()
        except smtplib.SMTPResponseException as error:
            permanent = 500 <= error.smtp_code < 600 and error.smtp_code not in {530, 535}
            raise DeliveryError(f"The mail server answered {error.smtp_code}.", permanent=permanent) from error
        except smtplib.SMTPRecipientsRefused as error:
            refusals = error.recipients.values()
            permanent = all(code >= 500 for code, _ in refusals)
            raise DeliveryError("The mail server refused the recipients.", permanent=permanent) from error
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"The mail server could not be reached: {error}.") from error


def subject(message: Message) -> str:
    """One line without control characters: a server's name must not make a header."""
    word = {"resolved": "Resolved", "acknowledged": "Acknowledged", "test": "Test"}.get(
        message.event, message.severity.capitalize()
    )
    return _CONTROL.sub(" ", f"[{word}] {message.summary}")[:200]
