"""Rules change, and go; what they began is told to its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from accounts.models import Team, User
from accounts.services import audit
from alerts import validating
from alerts.defaults import DEFAULTS
from alerts.models import Alert, Channel, Notice, Rule
from alerts.services.moves import ALERTS_CHANGED, end
from core import runner
from core.clock import now
from core.locking import locked

RULES_CHANGED = "rules-changed"


def rules_changed() -> None:
    """After a rule was made, changed or removed: the next sample is judged by what stands now."""
    transaction.on_commit(partial(runner.wake, RULES_CHANGED))


@transaction.atomic
def make_rule(rule: Rule, *, by: User | None) -> None:
    """Keep one that was found right; the next sample is judged by it."""
    rule.made_by = rule.made_by or by
    rule.save(force_insert=True)
    audit(by, "rule.make", rule, after=validating.fields_of(rule))
    rules_changed()


@transaction.atomic
def change_rule(rule: Rule, wanted: Mapping[str, Any], *, by: User | None) -> bool:
    """Set what differs, by the names of its columns; what somebody else changed meanwhile stays."""
    row = locked(Rule.objects.standing()).filter(pk=rule.pk).first()
    if row is None:
        return False
    before = {name: getattr(row, name) for name, value in wanted.items() if getattr(row, name) != value}
    after = {name: wanted[name] for name in before}
    for holder in (row, rule):
        for name, value in after.items():
            setattr(holder, name, value)
    if after:
        row.save(update_fields=[*after, "changed_at"])
        audit(by, "rule.change", row, before=before, after=after)
        rules_changed()
    return bool(after)


@transaction.atomic
def remove_rule(rule: Rule, now: datetime, *, by: User | None = None) -> None:
    """A rule ends; what it began is told to its end before anything of it goes."""
    if Rule.objects.standing().filter(pk=rule.pk).update(removed_at=now, enabled=False, changed_at=now):
        audit(by, "rule.remove", rule, before=validating.fields_of(rule))
    mine = Alert.objects.open().filter(rule=rule)
    end(mine, lambda alert: f"{alert.server.name}: the rule {rule.name} was removed.", now, ended="removed")
    rules_changed()
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))


def servers_removed(servers: list[int]) -> None:
    """In the transaction that removes them: what is open ends and is told; incidents stay, as what was said."""
    theirs = Alert.objects.open().filter(server__in=servers)
    end(theirs, lambda alert: f"{alert.server.name}: it is no longer watched.", now())
    # The alerts go with their server; what is still to be told of them does not.
    Notice.objects.filter(alert__server__in=servers).update(alert=None)
    rules_changed()
    transaction.on_commit(partial(runner.wake, ALERTS_CHANGED))


def naming(channel: Channel) -> list[str]:
    """The rules that tell by this channel."""
    rules = Rule.objects.standing().filter(team=channel.team_id)
    return [rule.name for rule in rules if {"channel": str(channel.uuid)} in rule.notify]


def make_default_rules(team: Team) -> None:
    """What a new team begins with; rules that are there already stay as they are."""
    for rule in DEFAULTS:
        fields = {field.name: getattr(rule, field.name) for field in _COPIED}
        Rule.objects.get_or_create(team=team, name=rule.name, defaults=fields)


_OWN = {"id", "uuid", "team", "name", "changed_at"}
_COPIED = [field for field in Rule._meta.concrete_fields if field.name not in _OWN]
