"""A rule as one sentence: "When CPU used on tag:db is above 95 % for 5 min, tell Database team"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from alerts.models import Rule
from metrics.store import quantity, spoken

UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_NAME = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_APART = re.compile(r"(?<=\d) (?=%)")
Names = Mapping[str, str]


def sentence(rule: Rule, targets: Names, rules: Names | None = None) -> str:
    """`targets` and `rules` tell the names of what the rule points to by id."""
    told = _listed([targets[one] for one in named(rule.notify) if one in targets]) or _("the usual people")
    said = _when(rule, rules or {})
    whole = _("%(when)s, tell %(who)s") % {"when": said, "who": told}
    return joined(whole)


def joined(text: str) -> str:
    """With signs that begin no line: "95 %" stays whole."""
    return _APART.sub("\u00a0", text)


def named(notify: Any) -> list[str]:
    """The ids of the channels, chains and people that a rule tells."""
    return [str(one) for target in notify if isinstance(target, dict) for one in target.values()]


def _when(rule: Rule, rules: Names) -> str:
    maker = {
        "change": _change, "past": _past, "no_data": _silent, "anomaly": _unusual, "forecast": _soon,
    }.get(rule.kind, _threshold)  # fmt: skip
    said = _both(rule, rules) if rule.kind == "composite" else maker(rule)
    if rule.for_seconds and rule.kind != "no_data":
        said += _(" for %(time)s") % {"time": span(rule.for_seconds)}
    return said


# What is yes or no is told as what happened, not as a number beyond another.
HAPPENED = {
    ("check_up", "below", ""): gettext_noop("a check on %(where)s fails"),
    ("check_up", "below", "!heartbeat"): gettext_noop("a check on %(where)s fails"),
    ("check_up", "below", "heartbeat"): gettext_noop("a job on %(where)s does not say that it ran"),
    ("agent_outdated", "above", ""): gettext_noop("the agent on %(where)s is outdated"),
}


def _threshold(rule: Rule) -> str:
    least = [limit for limit in (rule.warn, rule.critical) if limit is not None]
    happened = HAPPENED.get((rule.metric, rule.op, rule.labels.get("kind", "")))
    if happened and least and all(0 <= limit < 1 for limit in least) and set(rule.labels) <= {"kind"}:
        return _("When %(what)s") % {"what": _(happened) % {"where": rule.selector or _("any server")}}
    side = _("above") if rule.op == "above" else _("below")
    values = {**_what(rule), "side": side, "limit": limits(rule)}
    return _("When %(what)s on %(where)s is %(side)s %(limit)s") % values


def _change(rule: Rule) -> str:
    how = _("rises by more than") if rule.op == "above" else _("falls by more than")
    unit = " %" if rule.params.get("percent") else ""
    limit = limits(rule, plain=unit)
    window = span(rule.params.get("window") or 0)
    text = _("When %(what)s on %(where)s %(how)s %(limit)s within %(window)s")
    return text % {**_what(rule), "how": how, "limit": limit, "window": window}


def _past(rule: Rule) -> str:
    side = _("above") if rule.op == "above" else _("below")
    day = _("the days before") if rule.params.get("against") == "day" else _("last week")
    text = _("When %(what)s on %(where)s is %(limit)s %(side)s the same time of %(day)s")
    return text % {**_what(rule), "side": side, "limit": limits(rule, plain=" %"), "day": day}


def _silent(rule: Rule) -> str:
    time = span(rule.for_seconds) if rule.for_seconds else _("a minute")
    if not rule.metric:
        return _("When %(where)s sends nothing for %(time)s") % {"where": _one(rule), "time": time}
    return _("When %(what)s on %(where)s is not measured for %(time)s") % {**_what(rule), "time": time}


def _unusual(rule: Rule) -> str:
    return _("When %(where)s does not behave as it usually does") % {"where": _one(rule)}


def _soon(rule: Rule) -> str:
    subject = rule.labels.get("metric") or _("something")
    least = [limit for limit in (rule.warn, rule.critical) if limit is not None]
    time = span(int(max(least))) if least else "?"
    text = _("When %(what)s on %(where)s is forecast to run out within %(time)s")
    return text % {**_what(rule), "what": spoken(subject), "time": time}


def _both(rule: Rule, rules: Names) -> str:
    text = _NAME.sub(lambda found: f'"{rules.get(found[0], _("a removed rule"))}"', str(rule.params.get("rules", "")))
    return _("When %(rules)s hold on %(where)s") % {**_what(rule), "rules": text, "where": _one(rule)}


def _what(rule: Rule) -> dict[str, str]:
    where = rule.selector or _("every server")
    return {"what": subject(rule, rule.metric, rule.labels) if rule.metric else "", "where": where}


def _one(rule: Rule) -> str:
    return _("a server of %(where)s") % {"where": rule.selector} if rule.selector else _("a server")


def subject(rule: Rule, metric: str, labels: Mapping[str, str]) -> str:
    """What is measured, and whether it is shared out among the cores before it is judged."""
    text = spoken(metric, labels)
    return _("%(what)s per core") % {"what": text} if rule.params.get("per") == "cores" else text


def limits(rule: Rule, plain: str | None = None) -> str:
    """The limit that wakes people; where both are set, both."""

    def write(value: float) -> str:
        return quantity(rule.metric, value) if plain is None else f"{value:.4g}{plain}"

    if rule.critical is not None and rule.warn is not None:
        return _("%(critical)s (warning: %(warn)s)") % {"critical": write(rule.critical), "warn": write(rule.warn)}
    only = rule.critical if rule.critical is not None else rule.warn
    return "?" if only is None else write(only)


def span(seconds: int) -> str:
    for size, unit in UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return _("%(some)s and %(last)s") % {"some": ", ".join(names[:-1]), "last": names[-1]}
