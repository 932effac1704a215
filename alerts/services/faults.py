"""Rules that cannot be judged: seen on the rule, told once to whoever made it, and to its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from alerts.models import Rule
from alerts.services.troubles import trouble_begins, trouble_ends


@transaction.atomic
def fault(rule: Rule, reason: str, now: datetime) -> None:
    """The rule shows why; its maker and its targets hear of it once, however often the reason is found again."""
    Rule.objects.filter(pk=rule.pk).exclude(fault=reason[:500]).update(fault=reason[:500], fault_at=now)
    text = f"The rule {rule.name} cannot be judged, so nothing it watches is told. {reason}"
    about = {"about": "rule_fault", "rule": rule.name, "reason": reason}
    trouble_begins(_key(rule), rule.team, text[:400], now, severity="warn", notify=_targets(rule), about=about)


@transaction.atomic
def mended(rule: Rule, now: datetime) -> None:
    """It is judged again, or gone; saying it twice does nothing."""
    Rule.objects.filter(pk=rule.pk).exclude(fault="").update(fault="", fault_at=None)
    watching = rule.enabled and rule.removed_at is None
    words = "is judged again" if watching else "is no longer in use"
    about = {"about": "rule_mended", "rule": rule.name} if watching else {}
    trouble_ends(_key(rule), f"The rule {rule.name} {words}.", now, about=about)


def _key(rule: Rule) -> str:
    return f"fault {rule.pk}"


def _targets(rule: Rule) -> list[dict[str, Any]]:
    """Without a maker and without targets the team's usual ones."""
    maker = [{"person": str(rule.made_by.uuid)}] if rule.made_by else []
    return [*rule.notify, *(one for one in maker if one not in rule.notify)]
