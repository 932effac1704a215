"""What rules name by id inside and by name in a file: channels, chains, people and each other."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

from accounts.models import Membership, Team
from alerts.models import Chain, Channel, Rule
from alerts.validating import fields_of

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
KINDS = {"channel": "channel", "chain": "chain", "person": "member"}


class NoSuch(ValueError):
    """A name that nothing in the team has; says the ones there are."""


class Names:
    """Of one team, both ways."""

    def __init__(self, team: Team) -> None:
        self.team = team
        members = Membership.objects.filter(team=team, user__is_active=True)
        self.by_kind: dict[str, dict[str, str]] = {
            "channel": _named(Channel.objects.standing().of_teams().filter(team=team).values_list("name", "uuid")),
            "chain": _named(Chain.objects.filter(team=team).values_list("name", "uuid")),
            "person": _named(members.values_list("user__email", "user__uuid")),
            "rule": _named(Rule.objects.standing().filter(team=team).values_list("name", "uuid")),
        }

    def made(self, rule: Rule) -> None:
        """Those after it may name it."""
        self.by_kind["rule"][rule.name] = str(rule.uuid)

    def outside(self, rule: Rule) -> dict[str, Any]:
        """A rule's fields with names; what is gone is left out, as it tells nobody."""
        fields = fields_of(rule)
        fields["notify"] = [named for target in rule.notify if (named := self._target(target))]
        if rule.kind == "composite" and isinstance(rule.params.get("rules"), str):
            rules = {uuid: name for name, uuid in self.by_kind["rule"].items()}
            text = _ID.sub(
                lambda found: json.dumps(rules.get(found[0].lower(), found[0]), ensure_ascii=False),
                rule.params["rules"],
            )
            fields["params"] = {**rule.params, "rules": text}
        return fields

    def _target(self, target: Any) -> dict[str, str]:
        for kind, id_ in target.items():
            for name, uuid in self.by_kind.get(kind, {}).items():
                if uuid == str(id_).lower():
                    return {kind: name}
        return {}

    def inside(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The same with ids; NoSuch names the field and what there is."""
        found = dict(fields)
        if isinstance(fields.get("notify"), list):
            found["notify"] = [self._id(target) for target in fields["notify"]]
        params = fields.get("params")
        if fields.get("kind") == "composite" and isinstance(params, dict) and isinstance(params.get("rules"), str):
            text = _QUOTED.sub(lambda quoted: self.find("rule", _unquoted(quoted[0])), params["rules"])
            found["params"] = {**params, "rules": text}
        return found

    def _id(self, target: Any) -> Any:
        if not isinstance(target, dict) or len(target) != 1:
            return target
        ((kind, name),) = target.items()
        return {kind: self.find(kind, str(name))} if kind in KINDS else target

    def find(self, kind: str, name: str) -> str:
        known = self.by_kind[kind]
        wanted = name.lower() if kind == "person" else name
        if wanted not in known:
            there = ", ".join(sorted(known)[:10]) or "none yet"
            raise NoSuch(f"No {KINDS.get(kind, kind)} of this team is called {name[:80]}; there are: {there}.")
        return known[wanted]


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as fault:
        raise NoSuch(f'No rule of this team is {text[:80]}: in quotes a \\ stands before " and \\ alone.') from fault


def _named(rows: Any) -> dict[str, str]:
    return {str(name): str(UUID(str(uuid))) for name, uuid in rows}
