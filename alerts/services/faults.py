"""Rules that cannot be judged, and alerts that cannot be written down: told once, and to the end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from alerts.models import Incident, Rule
from alerts.services.troubles import trouble_begins, trouble_ends
from core import apart
from servers.models import Server

UNWRITTEN = "unwritten "

Key = tuple[int, int, int]  # rule, server, series


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


def unwritten(keys: Iterable[Key], now: datetime) -> None:
    """The product could not move these alerts: their people are told so, for of the alerts they hear nothing."""

    def say(key: Key) -> None:
        rule = Rule.objects.select_related("team", "made_by").get(pk=key[0])
        server = Server.objects.get(pk=key[1])
        about = {"about": "alert_fault", "rule": rule.name, "server": server.name}
        text = f"The alert {rule.name} on {server.name} could not be written down: look at it yourself."
        trouble_begins(_unwritten(key), rule.team, text, now, notify=_targets(rule), about=about)

    apart.each(keys, say, "An alert that could not be written down")


def written(keys: Iterable[Key], now: datetime) -> None:
    for key in keys:
        trouble_ends(_unwritten(key), "The alert is written down again.", now, about={"about": "alert_mended"})


def still_unwritten() -> set[Key]:
    """Those of which nobody was told that they are written down again."""
    said = Incident.objects.open().filter(key__startswith=UNWRITTEN).values_list("key", flat=True)
    found = (tuple(int(part) for part in key.removeprefix(UNWRITTEN).split()) for key in said)
    return {(key[0], key[1], key[2]) for key in found}


def _unwritten(key: Key) -> str:
    return UNWRITTEN + " ".join(map(str, key))


def _key(rule: Rule) -> str:
    return f"fault {rule.pk}"


def _targets(rule: Rule) -> list[dict[str, Any]]:
    """Without a maker and without targets the team's usual ones."""
    maker = [{"person": str(rule.made_by.uuid)}] if rule.made_by else []
    return [*rule.notify, *(one for one in maker if one not in rule.notify)]
