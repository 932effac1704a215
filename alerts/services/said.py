"""What is said of alerts, as other apps read it: in the reader's language where that is known."""

from __future__ import annotations

from typing import Any

from alerts import grouping
from alerts.messages import again, title, translated
from alerts.messages.advice import todo

__all__ = ["again", "alone", "title", "todo", "translated"]


def alone(rule: str, server: str) -> tuple[str, dict[str, Any]]:
    """What an incident is called where only one server is looked at: its title, and the facts of that."""
    facts = {"rules": [rule], "count": 1, "servers": 1, "server": server}
    return f"{rule} on {server}"[:300], grouping.kept(facts, [rule], [server], ())
