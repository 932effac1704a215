"""The verbs of alerts, as other apps may use them."""

from __future__ import annotations

from alerts.services.answers import acknowledge, close, note, unacknowledge
from alerts.services.leaving import team_ends
from alerts.services.moves import ALERTS_CHANGED, Change, apply, end
from alerts.services.rules import (
    RULES_CHANGED,
    make_default_rules,
    naming,
    remove_rule,
    rules_changed,
    servers_removed,
)
from alerts.services.seen import on_change
from alerts.services.troubles import trouble_begins, trouble_ends
from alerts.services.unlearnt import unlearnt

__all__ = [
    "ALERTS_CHANGED", "RULES_CHANGED", "Change", "acknowledge", "apply", "close", "end", "make_default_rules",
    "naming", "note", "on_change", "remove_rule", "rules_changed", "servers_removed", "team_ends",
    "trouble_begins", "trouble_ends", "unacknowledge", "unlearnt",
]  # fmt: skip
