"""Other rules of the same server joined: this one is broken while its condition over them holds."""

from __future__ import annotations

from typing import Literal

import msgspec

from alerts import logic
from alerts.engine import Limits
from alerts.kinds.base import AFTER_OTHERS, Fault, Fields, Kind, read, registry
from alerts.models import Rule

CONDITION = "condition"


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """Ids of rules joined by and, or, not and parentheses."""

    rules: str
    severity: Literal["warn", "critical"] = "critical"
    at_least: int = 1


class Composite(Kind):
    title = "Several rules together"
    params = Params
    limited = False
    when = AFTER_OTHERS

    def check(self, fields: Fields) -> list[Fault]:
        if faults := super().check(fields):
            return faults
        try:
            condition = logic.parse(read(Params, fields.get("params")).rules)
        except logic.Unreadable as fault:
            return [("params", f"rules: {fault}")]
        known = Rule.objects.standing().filter(uuid__in=condition.rules)
        if "team" in fields:
            known = known.filter(team=fields["team"])
        kinds = dict(known.values_list("uuid", "kind"))
        for uuid in sorted(condition.rules - kinds.keys()):
            return [("params", f"rules: {uuid} is no rule of this team.")]
        for uuid in sorted(uuid for uuid, kind in kinds.items() if kind == "composite"):
            return [("params", f"rules: {uuid} joins other rules itself; name those instead.")]
        return []

    def limits(self, rule: Rule) -> Limits:
        severity = read(Params, rule.params).severity
        times = {"wait": rule.for_seconds * 1000, "hold": rule.keep_firing_seconds * 1000}
        return Limits(above=True, **{severity: 0.5}, **times)  # type: ignore[arg-type]


registry.register("composite")(Composite())
