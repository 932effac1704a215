"""The verbs of reports: ask for one, make it, call it off, have it sent, and forget it in time."""

from __future__ import annotations

from reports.services.asking import LARGE, Refused, ask, cancel, forget
from reports.services.lives import remember, remember_checks
from reports.services.making import make
from reports.services.schedules import allowed, recipients, save, stop, unschedule

__all__ = [
    "LARGE", "Refused", "allowed", "ask", "cancel", "forget", "make", "recipients", "remember", "remember_checks",
    "save", "stop", "unschedule",
]  # fmt: skip
