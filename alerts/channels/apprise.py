"""Tell whatever Apprise knows, some hundred services, by one address."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import msgspec
from django.conf import settings

from alerts.channels import web
from alerts.channels.base import DeliveryError, Field, Message, Sent, Usual, channels, read_config
from core import outgoing

# What some services of Apprise take from a file, or from an address that they fetch.
FILES = {"template", "keyfile", "subfile", "pgpkey", "attach", "config"}
_sending = threading.local()
_patching = threading.Lock()


class Config(msgspec.Struct, forbid_unknown_fields=True):
    url: str


@channels.register("apprise")
class AppriseChannel(Usual):
    title: ClassVar[str] = "Apprise"
    storm_cap: ClassVar[int] = 0
    fields: ClassVar[tuple[Field, ...]] = (
        Field(
            "url", "Address", "As Apprise writes it, such as ntfy://topic or tgram://token/chat.", secret=True,
            required=True,
        ),
    )  # fmt: skip

    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        scheme, _, rest = self.config.url.partition("://")
        if not (scheme and rest):
            raise ValueError("config.url must be an address as Apprise writes it, such as ntfy://topic.")
        for name, _value in parse_qsl(rest.partition("?")[2], keep_blank_values=True):
            if name.strip().lstrip("+-:").lower() in FILES:
                raise ValueError(f"config.url: {name} would read a file of this machine. Leave it out.")

    def send(self, message: Message, to: str) -> Sent:
        service = _service(self.config.url)
        with _guarded() as watch:
            taken = service.notify(
                body=_text(message), title=message.title or message.summary[:100], notify_type=_level(message)
            )
        if watch.refused:
            raise DeliveryError(watch.refused, permanent=True)
        if not taken:
            said = " ".join(watch.said)
            raise DeliveryError(f"{service.service_name} did not take it. {said}".strip(), answer=said)
        return Sent(f"taken by {service.service_name}")


def _service(url: str) -> Any:
    """Apprise's own object for an address; only of services over HTTP, whose targets can be held to the rules."""
    import apprise  # noqa: PLC0415 - slow to load, and seldom used

    made = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if made is None:
        raise DeliveryError(
            "Apprise does not know this address. Its documentation lists them.", permanent=True, fault=True
        )
    if not hasattr(sys.modules[type(made).__module__], "requests"):
        raise DeliveryError(
            f"{made.service_name} does not go over HTTP; only services that do can be used. "
            "For mail there is a channel of its own.",
            permanent=True, fault=True,
        )  # fmt: skip
    if any(isinstance(part, apprise.AppriseAttachment) and len(part) for part in vars(made).values()):
        raise DeliveryError("This address would read a file of this machine.", permanent=True, fault=True)
    made.socket_connect_timeout = made.socket_read_timeout = web.TIMEOUT / 2
    return made


def _text(message: Message) -> str:
    lines = [message.summary, *message.new[:10], *message.over[:10]]
    lines += [f"{line.label}: {line.text}" for line in (*message.details, *message.lines)]
    return "\n".join([*lines, message.url])[:3000]


def _level(message: Message) -> str:
    if message.event == "resolved":
        return "success"
    return {"critical": "failure", "warn": "warning"}.get(message.severity, "info")


class _Watch(logging.Handler):
    """What Apprise says of a failure goes to its log alone; and whether it went where it must not."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self.refused = ""
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread and len(self.said) < 3:
            self.said.append(record.getMessage()[:200])


@contextmanager
def _guarded() -> Iterator[_Watch]:
    """While this thread sends, its connections go where outgoing HTTP may go, and nowhere else."""
    _patch()
    watch = _Watch()
    named = logging.getLogger("apprise")
    named.addHandler(watch)
    _sending.watch = watch
    try:
        yield watch
    finally:
        _sending.watch = None
        named.removeHandler(watch)


def _patch() -> None:
    """Apprise takes no client of ours, so the place where all its connections are made asks us, once for all."""
    from urllib3.util import connection  # noqa: PLC0415 - only with Apprise

    with _patching:
        plain = connection.create_connection
        if getattr(plain, "guarded", False):
            return

        def guarded(address: tuple[str, int], *given: Any, **named: Any) -> Any:
            watch: _Watch | None = getattr(_sending, "watch", None)
            if watch is None:
                return plain(address, *given, **named)
            try:
                return outgoing.connect(
                    address[0], address[1], web.TIMEOUT / 2, allow_private=settings.ENV.outgoing_allow
                )
            except outgoing.Refused as error:
                watch.refused = str(error)
                raise OSError(str(error)) from error
            except outgoing.Unreachable as error:
                raise OSError(str(error)) from error

        guarded.guarded = True  # type: ignore[attr-defined]
        connection.create_connection = guarded
