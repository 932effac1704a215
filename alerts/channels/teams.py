"""Tell a Microsoft Teams channel through a workflow's address, by an adaptive card."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from alerts.channels import web
from alerts.channels.base import Field, Line, Message, Sent, Usual, channels, read_config

MOST = 28 * 1000 - 500  # Teams drops cards above 28 kB without a word
_MARKS = re.compile(r"[\\`*_\[\]]")
COLOURS = {"critical": "attention", "warn": "warning"}


class Config(msgspec.Struct, forbid_unknown_fields=True):
    url: str


@channels.register("teams")
class Teams(Usual):
    title: ClassVar[str] = "Microsoft Teams"
    fields: ClassVar[tuple[Field, ...]] = (
        Field(
            "url", "Address of the workflow",
            "In Teams: the channel > Workflows > “Post to a channel when a webhook request is received”. "
            "Connectors of Office 365 were switched off by Microsoft.",
            secret=True, required=True,
        ),
    )  # fmt: skip

    def __init__(self, config: dict[str, Any]) -> None:
        self.config: Config = read_config(Config, config)
        web.check_url("url", self.config.url)

    def send(self, message: Message, to: str) -> Sent:
        body = encode(message)
        answer = web.post(self.config.url, body, {"Content-Type": "application/json"})
        web.refuse_failed(answer, who="The workflow")
        return Sent(web.raw(answer))


def encode(message: Message) -> bytes:
    """The card, shortened section by section until Teams takes it."""
    sections = _sections(message)
    while True:
        body = msgspec.json.encode(_envelope(message, sections))
        if len(body) <= MOST or not sections:
            return body
        sections.pop()


def _envelope(message: Message, sections: list[dict[str, Any]]) -> dict[str, Any]:
    colour = "good" if message.event == "resolved" else COLOURS.get(message.severity, "default")
    head = {
        "type": "TextBlock", "text": _plain(message.title or message.summary, 500), "size": "large",
        "weight": "bolder", "color": colour, "wrap": True,
    }  # fmt: skip
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [head, _text(message.summary), *sections],
        "actions": _actions(message),
        "msteams": {"width": "full"},
    }
    content = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": content, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _sections(message: Message) -> list[dict[str, Any]]:
    """From what matters most to what may be left out."""
    said = message.words
    parts: list[dict[str, Any] | None] = [
        _facts(message.details),
        _list(message.new),
        _list(message.over),
        _facts(message.lines),
        _text(f"{said.get('todo', 'What to do')}: {message.todo}") if message.todo else None,
        _facts(message.processes),
        _facts(message.changes),
    ]
    return [part for part in parts if part]


def _facts(lines: list[Line]) -> dict[str, Any] | None:
    if not lines:
        return None
    facts = [{"title": _plain(line.label, 100), "value": _plain(line.text, 500)} for line in lines[:20]]
    return {"type": "FactSet", "facts": facts}


def _list(texts: list[str]) -> dict[str, Any] | None:
    return _text("\n".join(f"- {_plain(text, 300)}" for text in texts[:20]), plain=False) if texts else None


def _text(text: str, *, plain: bool = True) -> dict[str, Any]:
    return {"type": "TextBlock", "text": _plain(text, 2000) if plain else text, "wrap": True}


def _plain(text: str, most: int) -> str:
    """Cards read Markdown: a server's name must not make a link or a heading."""
    return _MARKS.sub(r"\\\g<0>", text[:most])


def _actions(message: Message) -> list[dict[str, Any]]:
    said = message.words
    found = [(said.get("open", "Open"), message.url)]
    if message.answer_url and message.event not in {"resolved", "acknowledged", "test"}:
        found.insert(0, (said.get("acknowledge", "Acknowledge"), message.answer_url))
    return [{"type": "Action.OpenUrl", "title": title, "url": url} for title, url in found if url]
