"""What is said of alerts, as other apps read it: in the reader's language where that is known."""

from __future__ import annotations

from typing import Any

from alerts import grouping, messages
from alerts.messages import again, translated
from alerts.messages.advice import todo
from alerts.models import Incident

__all__ = ["again", "alone", "title", "todo", "translated"]


def title(row: Incident) -> str:
    """What it is called, to stand inside other sentences: a title that is one itself ends in no full stop."""
    return messages.title(row).removesuffix(".")


def alone(rule: str, server: str) -> tuple[str, dict[str, Any]]:
    """What an incident is called where only one server is looked at: its title, and the facts of that."""
    facts = {"rules": [rule], "count": 1, "servers": 1, "server": server}
    return f"{rule} on {server}"[:300], grouping.kept(facts, [rule], [server], ())
