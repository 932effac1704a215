"""The verbs of alerts, as other apps may use them."""

from __future__ import annotations

from alerts.services.answers import acknowledge, close
from alerts.services.moves import ALERTS_CHANGED, fire, keep, open_pending, resolve
from alerts.services.rules import (
    RULES_CHANGED,
    make_default_rules,
    naming,
    remove_rule,
    rules_changed,
    servers_removed,
)
from alerts.services.seen import on_change

__all__ = [
    "ALERTS_CHANGED", "RULES_CHANGED", "acknowledge", "close", "fire", "keep", "make_default_rules", "naming",
    "on_change", "open_pending", "remove_rule", "resolve", "rules_changed", "servers_removed",
]  # fmt: skip
