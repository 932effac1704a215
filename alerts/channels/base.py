"""What every kind of channel is given, what it says of itself, and how it says that sending failed."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import msgspec

from alerts.channels.message import Line, Message
from core.registry import Registry

__all__ = [
    "DeliveryError",
    "Field",
    "Kind",
    "Line",
    "Message",
    "Sent",
    "channels",
    "check_count",
    "describe",
    "read_config",
]

SHOWN = 500
MOST_RECIPIENTS = 50
USUAL = {"help": "", "secret": False, "required": False, "type": "text"}


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of the configuration, from which form, API and documentation are drawn."""

    name: str
    label: str
    help: str = ""
    secret: bool = False
    required: bool = False
    type: str = "text"
    """text, long, tick, or list: many values, one a line."""


class Sent(msgspec.Struct, frozen=True):
    """It was taken: what the provider answered, and its name for what it took."""

    answer: str = ""
    reference: str = ""


class DeliveryError(Exception):
    """It was not delivered: for good, or try again (after so many seconds).

    `fault` means that the channel itself is at fault, such as a revoked token: people see it beside the channel.
    """

    def __init__(
        self, text: str, *, permanent: bool = False, after: float | None = None, answer: str = "", fault: bool = False
    ) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.after = after
        self.answer = answer[:SHOWN]
        self.fault = fault


class Gone(DeliveryError):
    """The recipient does not exist any more and is taken off the channel."""

    def __init__(self, text: str, *, answer: str = "") -> None:
        super().__init__(text, permanent=True, answer=answer)


class Kind(Protocol):
    """A kind of channel: checks its configuration when made, then sends."""

    title: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    storm_cap: ClassVar[int]
    """Messages in ten minutes before the rest becomes one digest, where the channel says nothing; 0: no cap."""
    parallel: ClassVar[int]
    """How many may be under way at once."""
    wants_chart: ClassVar[bool]
    threads: ClassVar[bool]
    """Whether later messages hang below the first one."""
    answered: ClassVar[bool]
    """Whether people answer by naming a code."""

    def __init__(self, config: dict[str, Any]) -> None: ...

    def recipients(self) -> list[str]:
        """Who is told one by one; a channel that has no such names tells `[""]`."""
        ...

    def send(self, message: Message, to: str) -> Sent: ...


class Usual:
    """What most kinds say of themselves."""

    storm_cap: ClassVar[int] = 20
    parallel: ClassVar[int] = 1
    wants_chart: ClassVar[bool] = False
    threads: ClassVar[bool] = False
    answered: ClassVar[bool] = False

    def recipients(self) -> list[str]:
        return [""]


channels: Registry[type[Kind]] = Registry("channels")


def describe() -> list[dict[str, Any]]:
    """Every kind with the fields of its configuration."""
    kinds = ((name, channels.get(name)) for name in channels)
    return [
        {
            "kind": name, "title": kind.title, "storm_cap": kind.storm_cap,
            "fields": [{**USUAL, **msgspec.to_builtins(one)} for one in kind.fields],
        }
        for name, kind in kinds
    ]  # fmt: skip


def check_count(to: list[str]) -> None:
    """Each is a message of its own, and a row for each thing that is told."""
    if len(to) > MOST_RECIPIENTS:
        raise ValueError(
            f"config.to takes at most {MOST_RECIPIENTS}; make a list at your provider, or another channel."
        )


def read_config(shape: type[Any], config: dict[str, Any]) -> Any:
    """The typed configuration, or a sentence that names the field."""
    try:
        return msgspec.convert(config, shape)
    except msgspec.ValidationError as fault:
        raise ValueError(str(fault)) from fault
