"""How a message looks in Slack: blocks of text, the facts in two columns, and the buttons."""

from __future__ import annotations

from typing import Any

from alerts.channels.base import Line, Message

ACTION = "acknowledge"
MARKS = {"resolved": ":large_green_circle:", "acknowledged": ":eyes:", "test": ":speech_balloon:"}
BY_SEVERITY = {"critical": ":red_circle:", "warn": ":large_yellow_circle:"}
OVER = {"resolved", "acknowledged", "test", "note"}


def fallback(message: Message) -> str:
    """What notifications on a phone show."""
    return _text(message.title or message.summary, 300)


def blocks(message: Message, *, button: bool) -> list[dict[str, Any]]:
    mark = MARKS.get(message.event) or BY_SEVERITY.get(message.severity, "")
    said = message.words
    found: list[dict[str, Any] | None] = [
        _section(f"{mark} *{_text(message.title or message.summary, 300)}*"),
        _section(_text(message.summary, 1000)) if message.title else None,
        _columns(message.details[:10]),
        _section(_bullets(message.new)),
        _section(_bullets(message.over)),
        _section(_named(said.get("now", "Now"), message.lines)),
        _section(_named(said.get("processes", "Processes"), message.processes)),
        _section(_named(said.get("changes", "Changes"), message.changes)),
        _section(
            f"*{_text(said.get('todo', 'What to do'), 50)}*\n{_text(message.todo, 1000)}" if message.todo else ""
        ),
        _buttons(message, button=button),
    ]
    return [block for block in found if block]


def _text(text: str, most: int) -> str:
    """Slack reads three characters as markup, and these alone are escaped."""
    return text[:most].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> dict[str, Any] | None:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}} if text else None


def _columns(lines: list[Line]) -> dict[str, Any] | None:
    fields = [{"type": "mrkdwn", "text": f"*{_text(line.label, 100)}*\n{_text(line.text, 500)}"} for line in lines]
    return {"type": "section", "fields": fields} if fields else None


def _bullets(texts: list[str]) -> str:
    return "\n".join(f"• {_text(text, 200)}" for text in texts[:12])


def _named(title: str, lines: list[Line]) -> str:
    if not lines:
        return ""
    rows = "\n".join(f"{_text(line.label, 60)}: {_text(line.text, 200)}" for line in lines[:8])
    return f"*{_text(title, 50)}*\n{rows}"


def _buttons(message: Message, *, button: bool) -> dict[str, Any] | None:
    said = message.words
    found: list[dict[str, Any]] = []
    if message.incident and message.event not in OVER and not message.ended:
        acknowledge = {"type": "button", "text": _label(said.get("acknowledge", "Acknowledge")), "style": "primary"}
        if button:
            found.append({**acknowledge, "action_id": ACTION, "value": message.incident})
        elif message.answer_url:
            found.append({**acknowledge, "url": message.answer_url})
    if message.url:
        found.append({"type": "button", "text": _label(said.get("open", "Open")), "url": message.url})
    return {"type": "actions", "elements": found} if found else None


def _label(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text[:75]}
