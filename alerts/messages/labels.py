"""Headings, buttons and marks of messages in the active language."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def words() -> dict[str, str]:
    """What channels write beside what a message says."""
    return {
        "open": pgettext("button", "Open"),
        "acknowledge": _("Acknowledge"),
        "now": _("The server at that time"),
        "processes": _("Hungriest processes"),
        "changes": _("Changed in the hour before"),
        "todo": _("What to do"),
        "told": _("Also told"),
        "new": pgettext("alerts", "New"),
        "over": pgettext("alerts", "Over"),
        "reply": pgettext("by text message", "Reply"),
        "critical": level("critical"),
        "warn": level("warn"),
        "sent": _("Sent by Watchkeeper to those who are to hear of this."),
    }


def mark(event: str, severity: str) -> str:
    """The word in brackets before a subject: how bad it is, or what became of it."""
    known = {
        "resolved": _("Resolved"),
        "acknowledged": _("Acknowledged"),
        "unacknowledged": _("Open again"),
        "reminder": _("Reminder"),
        "digest": _("Digest"),
        "note": _("Note"),
        "test": _("Test"),
    }
    return known.get(event) or level(severity)


def level(severity: str) -> str:
    known = {"critical": _("Critical"), "warn": _("Warning")}
    return known.get(severity, severity.capitalize())
