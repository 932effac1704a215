"""How a rule came to be what it is: each change from the audit trail, in words, and what would take it back."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Audit, User
from alerts.models import Chain, Channel, Rule, veiled
from dashboards.alerting.incidents import Shown
from dashboards.alerting.sentences import named, span
from metrics.store import quantity, spoken

SHOWN = 20
# Where the API, and so the editor, has another name than the trail.
OF_COLUMN = {"for_seconds": "for", "keep_firing_seconds": "keep_firing_for"}
WORDS = {
    "name": gettext_lazy("Name"), "kind": gettext_lazy("Kind"), "metric": gettext_lazy("Metric"),
    "labels": gettext_lazy("Labels"), "selector": gettext_lazy("Servers"), "op": gettext_lazy("Direction"),
    "warn": gettext_lazy("Warning limit"), "critical": gettext_lazy("Critical limit"),
    "warn_recover": gettext_lazy("Warning is over at"), "critical_recover": gettext_lazy("Critical is over at"),
    "for": gettext_lazy("Must last"), "keep_firing_for": gettext_lazy("Must be good for"),
    "params": gettext_lazy("Further settings"), "notify": gettext_lazy("Tells"),
    "group_by": gettext_lazy("Told together by"), "group_wait": gettext_lazy("Waits for more"),
    "group_interval": gettext_lazy("Later news after"), "repeat_intervals": gettext_lazy("Said again after"),
    "runbook": gettext_lazy("What to do"), "enabled": gettext_lazy("Switched on"),
}  # fmt: skip
LIMITS = {"warn", "critical", "warn_recover", "critical_recover"}
TIMES = {"for", "keep_firing_for", "group_wait", "group_interval"}


def versions(rule: Rule) -> list[Shown]:
    """The newest first; the oldest is how it was made."""
    rows = Audit.objects.filter(target_id=str(rule.uuid), action__in=("rule.make", "rule.change"))
    shown = list(rows.order_by("-at", "-pk")[:SHOWN])
    if rule.viewer is not None:
        for values in (side for row in shown for side in (row.before, row.after) if "selector" in side):
            [values["selector"]] = veiled([str(values["selector"])], rule.viewer)
    targets = _targets(shown)
    return [_version(row, rule, targets) for row in shown]


def _version(row: Audit, rule: Rule, targets: dict[str, str]) -> Shown:
    made = row.action == "rule.make"
    before, after = _named(row.before), _named(row.after)
    changes = [] if made else [
        {
            "field": str(WORDS[name]),
            "before": _value(name, before.get(name), rule, targets),
            "after": _value(name, after.get(name), rule, targets),
        }
        for name in WORDS
        if name in after and before.get(name) != after[name]
    ]  # fmt: skip
    # A new rule is gone back to as a whole; of a change what it changed.
    back = {name: value for name, value in (after if made else before).items() if name in WORDS}
    return {
        "at": row.at.timestamp(),
        "by": row.actor,
        "over": row.over,
        "made": made,
        "changes": changes,
        "back": back,
    }


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {OF_COLUMN.get(name, name): value for name, value in values.items()}


def _targets(rows: list[Audit]) -> dict[str, str]:
    """The names of whom these versions told, where they are still there."""
    told = [values.get("notify") for row in rows for values in (row.before, row.after)]
    ids = [one for notify in told if isinstance(notify, list) for one in named(notify)]
    found: list[Any] = [*Channel.objects.filter(uuid__in=ids), *Chain.objects.filter(uuid__in=ids)]
    found += User.objects.filter(uuid__in=ids)
    return {str(one.uuid): str(one) for one in found}


def _value(name: str, value: Any, rule: Rule, targets: dict[str, str]) -> str:
    if name == "notify":
        return ", ".join(targets.get(one, "?") for one in named(value or [])) or _("the usual people")
    if value is None or value in ("", [], {}):
        return "–"  # noqa: RUF001 - a dash for nothing
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in LIMITS:
        return quantity(rule.metric, float(value))
    return span(int(value)) if name in TIMES else _plain(name, value)


def _plain(name: str, value: Any) -> str:
    if name == "metric":
        return spoken(str(value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())[:200]
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)[:200]
    return str(value)[:200]
