"""What a file would change, and the change: one transaction, and the same again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Team, User
from alerts import known, validating
from alerts.api.rules import RuleSerializer
from alerts.models import Rule
from alerts.rulefile.names import Names, NoSuch
from alerts.rulefile.reading import Broken, Entry, read
from alerts.rulefile.writing import time
from alerts.services import rules as ruling
from core.locking import locked

ADDED, CHANGED, REMOVED = "+", "~", "-"


@dataclass
class Plan:
    """Lines as people read them: + made, ~ changed, - removed."""

    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    same: int = 0
    rules: list[Rule] = field(default_factory=list)

    def count(self, mark: str) -> int:
        return sum(line.startswith(mark) for line in self.lines)


class InFile(RuleSerializer):
    """The types of the fields, as the API takes them; what belongs to a hub stands in no file."""

    class Meta(RuleSerializer.Meta):
        fields = ("team", *(name for name in validating.FIELDS if name not in {"for", "keep_firing_for"}))  # type: ignore[assignment]
        read_only_fields = ("team",)  # type: ignore[assignment]

    warnings = None  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The trade's own rules are looked at when its names are known."""
        return attrs


def plan(team: Team, text: str, now: datetime, *, prune: bool = False) -> Plan:
    """What `apply` would do: it is done, and undone."""
    entries = read(text)
    with transaction.atomic():
        made = _made(team, entries, now, by=None, prune=prune)
        transaction.set_rollback(True)
    return _warned(team, made)


def apply(team: Team, text: str, now: datetime, *, by: User | None, prune: bool = False) -> Plan:
    """Make the team's rules as the file says; others stay, unless `prune` says that the file is all there is."""
    entries = read(text)
    return _warned(team, _made(team, entries, now, by=by, prune=prune))


def _warned(team: Team, done: Plan) -> Plan:
    """What watches nothing today; looked for when the change is through, as a fleet takes a while to read."""
    fleet = known.Fleet(team.pk)
    done.warnings = [f"{rule.name}: {text}" for rule in done.rules for text in known.warnings(rule, fleet)]
    return done


@transaction.atomic
def _made(team: Team, entries: list[Entry], now: datetime, *, by: User | None, prune: bool) -> Plan:
    standing = {rule.name: rule for rule in locked(Rule.objects.standing()).filter(team=team)}
    done, faults, names = Plan(), [], Names(team)
    # Rules over others come last: they may name some that this file makes.
    for entry in sorted(entries, key=lambda one: one.fields.get("kind") == "composite"):
        try:
            _keep(_rule(names, entry), standing.get(entry.name), names, done, by)
        except Broken as broken:
            faults += broken.faults
        except IntegrityError:
            faults.append((entry.line, "A rule of this name was made at the same moment: try again."))
    if faults:
        raise Broken(faults)
    for name in sorted(standing.keys() - {entry.name for entry in entries}) if prune else ():
        ruling.remove_rule(standing[name], now, by=by)
        done.lines.append(f"{REMOVED} {name}")
    done.lines.sort(key=lambda line: line[2:])
    return done


@transaction.atomic
def _keep(rule: Rule, before: Rule | None, names: Names, done: Plan, by: User | None) -> None:
    if before is None:
        rule.made_by = by or _owner()
        ruling.make_rule(rule, by=by)
        names.made(rule)
        done.lines.append(f"{ADDED} {rule.name}")
    else:
        said = _differences(names, before, rule)
        ruling.change_rule(before, {column: getattr(rule, column) for column in validating.FIELDS.values()}, by=by)
        done.lines += [f"{CHANGED} {rule.name}: {said}"] if said else []
        done.same += not said
    done.rules.append(rule)


def _owner() -> User | None:
    """Whom a rule of the command line is of: somebody must hear when it cannot be judged."""
    return User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()


def _rule(names: Names, entry: Entry) -> Rule:
    """The rule that a file means; Broken says by line what is wrong with it."""
    try:
        fields = names.inside(entry.fields)
    except NoSuch as fault:
        where = "notify" if "rule of" not in str(fault) else "params"
        raise Broken([(entry.lines.get(where, entry.line), f"{where}: {fault}")]) from fault
    asked = InFile(data=fields)
    if not asked.is_valid():
        raise Broken(_by_line(entry, asked.errors))
    rule = Rule(team=names.team, **asked.validated_data)
    validating.complete(rule)
    if found := validating.faults(rule):
        raise Broken(_by_line(entry, found))
    return rule


def _by_line(entry: Entry, found: Any) -> list[tuple[int, str]]:
    listed = []
    for name, said in found.items():
        listed.append((entry.lines.get(name, entry.line), f"{name}: {_first(said)}"))
    return listed


def _first(said: Any) -> str:
    while isinstance(said, list | dict) and said:
        said = said[0] if isinstance(said, list) else next(iter(said.values()))
    return str(said)


def _differences(names: Names, before: Rule, after: Rule) -> str:
    old, new = names.outside(before), names.outside(after)
    said = [f"{name} {_said(name, old[name])} → {_said(name, new[name])}" for name in old if old[name] != new[name]]
    if not said and before.notify != after.notify:
        said = ["notify without what is gone"]
    return ", ".join(said)


def _said(name: str, value: Any) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if name in {"for", "keep_firing_for", "group_wait", "group_interval"}:
        return time(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
