"""What every kind of rule can be asked, and what most of them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

from alerts.engine import Limits
from alerts.models import Rule
from core.registry import Registry

Fields = Mapping[str, Any]  # of a rule, by the names people know (`for`, `keep_firing_for`)
Fault = tuple[str, str]  # a field and a sentence
S = TypeVar("S", bound=msgspec.Struct)

WHEN_SAMPLED, WHEN_TIME_PASSES, AFTER_OTHERS = "sampled", "time", "others"


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A kind without parameters of its own."""


def read(struct: type[S], params: Any) -> S:
    """Parameters as their kind knows them; ValueError says in a sentence what is wrong."""
    try:
        return msgspec.convert(params or {}, struct)
    except msgspec.ValidationError as fault:
        known = ", ".join(field.name for field in msgspec.structs.fields(struct)) or "none"
        raise ValueError(f"{fault}. Known here: {known}.") from fault


class Kind:
    """One way to decide whether something is wrong; this one: a metric against limits."""

    title: ClassVar[str] = ""
    params: ClassVar[type[msgspec.Struct]] = Nothing
    limited: ClassVar[bool] = True
    """Whether it has limits and a metric; else its own condition says what is wrong."""
    when: ClassVar[str] = WHEN_SAMPLED
    """What makes it look: samples of its series, time alone, or other rules."""

    def check(self, fields: Fields) -> list[Fault]:
        """What is wrong with a rule of this kind, beyond what is wrong with any rule."""
        try:
            read(self.params, fields.get("params"))
        except ValueError as fault:
            return [("params", str(fault))]
        return []

    def limits(self, rule: Rule) -> Limits:
        """The rule as numbers, for the engine."""
        return Limits(
            above=rule.op == "above",
            warn=rule.warn,
            warn_recover=rule.warn_recover,
            critical=rule.critical,
            critical_recover=rule.critical_recover,
            wait=rule.for_seconds * 1000,
            hold=rule.keep_firing_seconds * 1000,
        )


registry: Registry[Kind] = Registry("rules")
