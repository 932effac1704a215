"""What every kind of channel is given, and how it says that sending failed."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from core.registry import Registry


class Message(msgspec.Struct):
    """A notice as it goes out; the fields of a webhook's body, and what mail is made of."""

    event: str
    key: str
    incident: str
    severity: str
    rule: str
    server: dict[str, Any]
    metric: str
    labels: dict[str, str]
    value: float | None
    limit: float | None
    since: float
    at: float
    summary: str
    url: str
    members: list[dict[str, Any]]


class DeliveryError(Exception):
    """It was not delivered: for good, or try again (after so many seconds)."""

    def __init__(self, text: str, *, permanent: bool = False, after: float | None = None) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.after = after


class Kind(Protocol):
    """A kind of channel: checks its configuration when made, then sends."""

    def __init__(self, config: dict[str, Any]) -> None: ...

    def recipients(self) -> list[str]:
        """Who is told one by one; a channel that has no such names tells `[""]`."""
        ...

    def send(self, message: Message, to: str) -> None: ...


channels: Registry[type[Kind]] = Registry("channels")


def read_config(shape: type[Any], config: dict[str, Any]) -> Any:
    """The typed configuration, or a sentence that names the field."""
    try:
        return msgspec.convert(config, shape)
    except msgspec.ValidationError as fault:
        raise ValueError(str(fault)) from fault
