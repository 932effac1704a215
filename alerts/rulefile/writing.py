"""Write rules as people keep them: names instead of ids, nothing that goes without saying, always in one order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import yaml

from accounts.models import Team, User
from alerts.models import Rule
from alerts.rulefile.names import Names
from alerts.rulefile.reading import TIMES, UNITS
from alerts.validating import FIELDS, RECOVERY, recovery
from core import selector

HIDDEN = "  # Names of servers that your role does not reach are left out, as …: this file cannot be read in again.\n"
_DEFAULTS = {name: getattr(Rule(), attribute) for name, attribute in FIELDS.items()}


def export(team: Team, reader: User | None = None) -> str:
    """The standing rules of a team, as this person may read them; the same rules give the same text, on any hub."""
    names = Names(team)
    rules = Rule.objects.visible_to(reader) if reader else Rule.objects.all()
    rules = rules.standing().filter(team=team).order_by("name")
    written = [_rule(_chosen(rule, names.outside(rule))) for rule in rules]
    if not written:
        return "rules: []\n"
    return "rules:\n" + "\n".join(written)


def _chosen(rule: Rule, fields: dict[str, Any]) -> dict[str, Any]:
    """Without recovery values that would be filled in all the same: they must follow when a limit is edited."""
    filled = {
        recover for limit, recover in RECOVERY.items() if fields[recover] == recovery(rule, getattr(rule, limit))
    }
    return {name: value for name, value in fields.items() if name not in filled}


def _rule(fields: dict[str, Any]) -> str:
    note = HIDDEN if selector.is_veiled(fields["selector"]) else ""
    said = [f"{name}: {_value(name, value)}" for name, value in fields.items() if value != _DEFAULTS[name]]
    first, *rest = said or [f"name: {_value('name', fields['name'])}"]
    return "".join([note, f"  - {first}\n", *(f"    {line}\n" for line in rest)])


def _value(name: str, value: Any) -> str:
    if name in TIMES:
        return f"[{', '.join(map(time, value))}]" if isinstance(value, list) else time(value)
    if isinstance(value, dict):
        pairs = ", ".join(f"{_scalar(key)}: {_value('', one)}" for key, one in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list):
        return _listed(value)
    return _scalar(value)


def _listed(values: Iterable[Any]) -> str:
    return f"[{', '.join(_value('', one) for one in values)}]"


def _scalar(value: Any) -> str:
    """On one line, in quotes only where it must be, and so that it comes back as it was."""
    if isinstance(value, str):
        return (
            value
            if _plain(value)
            else str(yaml.safe_dump(value, default_style='"', width=10**6, allow_unicode=True)).strip()
        )
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return json.dumps(int(value) if whole else value)


def _plain(value: str) -> bool:
    if not value.isprintable():
        return False
    try:
        event, *more = [one for one in yaml.parse(f"[{value}]") if isinstance(one, yaml.NodeEvent)][1:]
    except (yaml.YAMLError, ValueError):
        return False
    words = value.replace(".", "").replace("-", "").replace("+", "")
    known = words.isdigit() or value.lower() in {"null", "true", "false", "yes", "no", "on", "off", "~"}
    return (
        not more
        and isinstance(event, yaml.ScalarEvent)
        and event.value == value
        and value.isprintable()
        and not known
    )


def time(seconds: int) -> str:
    """5m, 90s, 1d: the largest unit that divides it."""
    for unit, size in sorted(UNITS.items(), key=lambda pair: -pair[1]):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0"
