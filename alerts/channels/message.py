"""A notice as it goes out, in the reader's language: all that any kind of channel may show, so that none asks."""

from __future__ import annotations

from typing import Any

import msgspec

CONTRACT = (
    "event", "key", "incident", "severity", "rule", "server", "metric", "labels", "value", "limit", "since", "at",
    "summary", "url", "members",
)  # fmt: skip

EVENTS = ("firing", "acknowledged", "resolved", "test")


class Line(msgspec.Struct, frozen=True):
    """One figure of the server: `CPU`, `97.1 %`, and how bad that is: "", ok, warn or critical."""

    label: str
    text: str
    level: str = ""


class Message(msgspec.Struct):
    """First the fields of a webhook's body, which are a contract; then what people read, written out."""

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

    language: str = "en"
    title: str = ""
    """One line for a subject or a heading: `[Critical] web-1: CPU used is 97.1 %`, without control characters."""
    short: str = ""
    """All in 160 characters of GSM-7, address included."""
    details: list[Line] = msgspec.field(default_factory=list)
    """Rule, server, value, limit, since when: with their labels."""
    lines: list[Line] = msgspec.field(default_factory=list)
    """CPU, memory, disk, swap and load of the server now."""
    processes: list[Line] = msgspec.field(default_factory=list)
    """The hungriest processes: name, what it takes."""
    changes: list[Line] = msgspec.field(default_factory=list)
    """What changed in the hour before: when, what."""
    new: list[str] = msgspec.field(default_factory=list)
    """Of a group: one line for each member that began …"""
    over: list[str] = msgspec.field(default_factory=list)
    """… and for each that ended."""
    todo: str = ""
    told: str = ""
    """Who else was told."""
    words: dict[str, str] = msgspec.field(default_factory=dict)
    """Headings and buttons in this language: open, acknowledge, now, processes, changes, todo."""
    answer_url: str = ""
    """Acknowledges for this recipient, without signing in; empty where nobody may."""
    chart: bytes = b""
    """PNG of the last hour, where the channel asked for one."""
    thread: str = ""
    """The provider's name of the first message of this trouble to this recipient: the rest hangs below it."""
    ended: bool = False
    """Whether the whole trouble is over, not just a part of it."""
    code: str = ""
    """What a text message that acknowledges must name."""

    def body(self) -> dict[str, Any]:
        """What a webhook receives. Programs know four events; what kind of news it is stands beside it."""
        told = {name: getattr(self, name) for name in CONTRACT}
        known = self.event if self.event in EVENTS else ("resolved" if self.ended else "firing")
        return {**told, "event": known, "notice": self.event}
