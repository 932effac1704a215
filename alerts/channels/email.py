"""Tell people by mail: text and HTML, the chart inside, and one thread for each trouble."""

from __future__ import annotations

import re
import smtplib
from email.mime.image import MIMEImage
from email.utils import parseaddr
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils import translation

from alerts.channels.base import DeliveryError, Field, Message, Sent, Usual, channels, check_count, read_config
from core import outgoing

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}
CREDENTIALS = {530, 534, 535, 538}
CHART = "chart"
NO_SERVER = "No mail server is set. Set EMAIL_URL, such as smtp+tls://user:pass@mail.example.org:587."


class Config(msgspec.Struct, forbid_unknown_fields=True):
    to: list[str]
    server: str = ""


@channels.register("email")
class Email(Usual):
    title: ClassVar[str] = "E-mail"
    wants_chart: ClassVar[bool] = True
    threads: ClassVar[bool] = True
    fields: ClassVar[tuple[Field, ...]] = (
        Field("to", "Addresses", "Each gets a mail of their own.", required=True, type="list"),
        Field(
            "server", "Mail server", "Empty: the one of EMAIL_URL. Else such as "
            "smtp+tls://user:pass@mail.example.org:587?from=watch@example.org.", secret=True,
        ),
    )  # fmt: skip

    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        if not self.config.to:
            raise ValueError("config.to needs at least one address.")
        check_count(self.config.to)
        for address in self.config.to:
            validate_email(address)
        if self.config.server:
            _check_server(self.config.server)

    def recipients(self) -> list[str]:
        return self.config.to

    def send(self, message: Message, to: str) -> Sent:
        if not (self.config.server or settings.EMAIL_HOST):
            raise DeliveryError(NO_SERVER, fault=True)
        mail = build(message, to)
        connection = _own(self.config.server) if self.config.server else None
        if connection is not None:
            mail.connection = connection
            mail.from_email = _sender(self.config.server)
        _talk(mail)
        return Sent("250 accepted by the mail server", mail.extra_headers["Message-ID"])


def build(message: Message, to: str) -> EmailMultiAlternatives:
    """The mail as it goes out; the chart stands inside the HTML, so that it needs no address of ours."""
    html: str
    with translation.override(message.language or settings.LANGUAGE_CODE):
        facts = {"message": message, "chart": f"cid:{CHART}" if message.chart else ""}
        text = render_to_string("alerts/email.txt", facts)
        try:
            html = render_to_string("alerts/email.html", facts)
        except TemplateDoesNotExist:
            html = ""
    mail = EmailMultiAlternatives(subject=subject(message), body=text, to=[to], headers=_headers(message))
    if html:
        mail.attach_alternative(html, "text/html")
    if html and message.chart:
        mail.mixed_subtype = "related"  # type: ignore[attr-defined]
        mail.attach(_image(message.chart))
    return mail


def _image(png: bytes) -> MIMEImage:
    image = MIMEImage(png, "png")
    image.add_header("Content-ID", f"<{CHART}>")
    image.add_header("Content-Disposition", "inline", filename="chart.png")
    return image


def _headers(message: Message) -> dict[str, str]:
    """Every mail of a trouble hangs below one root, whether or not that first mail was seen."""
    host = urlsplit(settings.SITE_URL).hostname or "watchkeeper"
    headers = {
        "Message-ID": f"<{message.key}@{host}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if message.incident:
        root = f"<{message.incident}@{host}>"
        headers["References"] = f"{root} {message.thread}".strip()
        headers["In-Reply-To"] = message.thread or root
    return headers


def subject(message: Message) -> str:
    """One line without control characters: a server's name must not make a header."""
    word = {"resolved": "Resolved", "acknowledged": "Acknowledged", "test": "Test"}.get(
        message.event, message.severity.capitalize()
    )
    return _CONTROL.sub(" ", message.title or f"[{word}] {message.summary}")[:200]


def _talk(mail: EmailMultiAlternatives) -> None:
    """Send it, and tell what the server said: for good, for now, or because of the channel itself."""
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _refused("The mail server refused the address", code, said) from error
    except smtplib.SMTPResponseException as error:
        raise _refused("The mail server answered", error.smtp_code, error.smtp_error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"The mail server could not be reached: {error}.") from error
    except outgoing.Unreachable as error:
        raise DeliveryError(str(error)) from error
    except ValueError as error:  # a header or a password that mail cannot carry
        raise DeliveryError(f"The mail cannot be written so: {error}.", permanent=True, fault=True) from error
    except outgoing.Refused as error:
        raise DeliveryError(str(error), permanent=True) from error


def _refused(what: str, code: int, said: bytes | str) -> DeliveryError:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    credentials = code in CREDENTIALS
    return DeliveryError(
        f"{what} {code}." if what.endswith("answered") else f"{what} ({code}).",
        permanent=500 <= code < 600 and not credentials,
        answer=f"{code} {text}",
        fault=credentials,
    )


def _check_server(url: str) -> None:
    parts = urlsplit(url)
    try:
        sound = parts.scheme in PORTS and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("config.server must be such as smtp+tls://user:pass@mail.example.org:587.")
    sender = _sender(url)
    if _CONTROL.search(sender):
        raise ValueError("config.server: from is one address, such as from=watch@example.org.")
    validate_email(parseaddr(sender)[1])


def _sender(url: str) -> str:
    return dict(parse_qsl(urlsplit(url).query)).get("from", settings.DEFAULT_FROM_EMAIL)


def _own(url: str) -> BaseEmailBackend:
    """A server that people typed in: reached like every other address that people type in."""
    parts = urlsplit(url)
    return _Pinned(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
        timeout=settings.EMAIL_TIMEOUT,
    )


class _Pinned(EmailBackend):
    @property
    def connection_class(self) -> Any:
        return _Pinned.TLS if self.use_ssl else _Pinned.Plain

    class Plain(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> Any:
            return outgoing.connect(host, port, timeout, allow_private=settings.ENV.outgoing_allow)

    class TLS(smtplib.SMTP_SSL):
        def _get_socket(self, host: str, port: int, timeout: float) -> Any:
            plain = outgoing.connect(host, port, timeout, allow_private=settings.ENV.outgoing_allow)
            return self.context.wrap_socket(plain, server_hostname=host)
