"""What a rule must be before it is kept: one judgement in the same words for the API, pages, files and the admin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Membership
from alerts.kinds import registry
from alerts.models import Chain, Channel, Rule
from core import selector
from core.registry import Unknown
from metrics.store import METRIC

Fault = tuple[str, str]

# As the API and files name them, and as the table does: `for` is a word of Python and of the contract.
FIELDS = {
    "name": "name", "kind": "kind", "metric": "metric", "labels": "labels", "selector": "selector", "op": "op",
    "warn": "warn", "warn_recover": "warn_recover", "critical": "critical", "critical_recover": "critical_recover",
    "for": "for_seconds", "keep_firing_for": "keep_firing_seconds", "params": "params", "notify": "notify",
    "group_by": "group_by", "group_wait": "group_wait", "group_interval": "group_interval",
    "repeat_intervals": "repeat_intervals", "runbook": "runbook", "enabled": "enabled",
}  # fmt: skip
RECOVERY = {"warn": "warn_recover", "critical": "critical_recover"}
SAID = {  # as the form calls them
    "warn": gettext_lazy("The warning limit"), "warn_recover": gettext_lazy("Where a warning is over"),
    "critical": gettext_lazy("The critical limit"), "critical_recover": gettext_lazy("Where critical is over"),
}  # fmt: skip
DAY = 86_400
LONGEST = {"for": 7 * DAY, "keep_firing_for": 7 * DAY, "group_wait": DAY, "group_interval": DAY}
LONGEST_REPEAT, MOST_REPEATS = 90 * DAY, 10
MOST_TARGETS, MOST_LABELS, MOST_GROUPS, LONGEST_LABEL = 20, 30, 5, 500
GROUPS = ("rule", "server", "role", "site", "os", "env")
GAP_SHARE, GAP_UNITS = 0.1, 2.0
_BIG_UNITS = re.compile(r"_(bytes|seconds?)(_|$)")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_TARGET = gettext_lazy(
    'Each target is one of {"channel": "<id>"}, {"chain": "<id>"} and {"person": "<id>"}, of this team.'
)


def fields_of(rule: Rule) -> dict[str, Any]:
    """A rule by the names people know."""
    return {name: getattr(rule, attribute) for name, attribute in FIELDS.items()}


def faults(rule: Rule) -> dict[str, list[str]]:
    """Everything that is wrong with it: by field, in sentences that say what to write."""
    listed: dict[str, list[str]] = {}
    for part in (_words, _series, _limits, _of_kind, _times, _grouping, _targets):
        for field, sentence in part(rule):
            listed.setdefault(field, []).append(sentence)
    return listed


def complete(rule: Rule, before: Rule | None = None) -> None:
    """A limit without a recovery value gets one, so that a series on the limit does not begin and end all night.

    One that we filled in follows its limit when that is changed; one that somebody wrote stays.
    """
    if not _limited(rule):
        return
    for limit, recover in RECOVERY.items():
        if (
            before is not None
            and getattr(before, recover) == recovery(before, getattr(before, limit))
            and (getattr(rule, recover) == getattr(before, recover))
        ):
            setattr(rule, recover, None)
        if getattr(rule, recover) is None:
            setattr(rule, recover, recovery(rule, getattr(rule, limit)))


def recovery(rule: Rule, limit: float | None) -> float | None:
    """10 % of the limit off, at most 2 units where a unit is something one sees (%, °C, counts): 95 % ends at 93."""
    if limit is None or not isfinite(limit):
        return None
    gap = abs(limit) * GAP_SHARE
    if not _BIG_UNITS.search(rule.metric) or _percent(rule):
        gap = min(gap, GAP_UNITS)
    return float(f"{limit - gap if rule.op == 'above' else limit + gap:.12g}")


def _percent(rule: Rule) -> bool:
    """Some kinds compare per cent of what was before, whatever the metric is counted in."""
    params = registry.get(rule.kind).params if rule.kind in set(registry) else None
    return bool(
        isinstance(rule.params, dict) and rule.params.get("percent", getattr(params, "percent", False)) is True
    )


def _words(rule: Rule) -> Iterator[Fault]:
    if not rule.name.strip() or not rule.name.isprintable():
        yield "name", _("Write one line of printable characters.")
    if rule.kind not in set(registry):
        said = {"kind": f"{rule.kind[:40]!r}", "kinds": ", ".join(registry)}
        yield "kind", _("%(kind)s is not known; kinds are %(kinds)s.") % said
    if rule.op not in {"above", "below"}:
        yield "op", _("Write above or below.")
    if len(rule.runbook) > 500:
        yield "runbook", _("At most 500 characters: what to do, or the address where it stands.")
    try:
        selector.given(rule.selector)
    except selector.Unreadable as fault:
        yield "selector", str(fault)


def _series(rule: Rule) -> Iterator[Fault]:
    if "{" in rule.metric:
        yield "metric", _('Write the bare name here, and its labels as {"mount": "/"} in labels.')
    elif rule.metric and not METRIC.fullmatch(rule.metric):
        yield "metric", _("Not a metric name: letters, digits and _, such as cpu_used_percent.")
    elif not rule.metric and _limited(rule):
        yield "metric", _("Say which metric it looks at, such as cpu_used_percent.")
    yield from _labels(rule)


def _labels(rule: Rule) -> Iterator[Fault]:
    if not isinstance(rule.labels, dict) or not all(isinstance(value, str) for value in rule.labels.values()):
        yield "labels", _('Write them as {"mount": "/"}: each label a text.')
        return
    if len(rule.labels) > MOST_LABELS:
        yield "labels", _("At most %(most)d labels.") % {"most": MOST_LABELS}
    for key, value in rule.labels.items():
        if not _LABEL.fullmatch(key):
            yield "labels", _("%(name)s is no name of a label: letters, digits and _.") % {"name": f"{key[:60]!r}"}
        if len(value) > LONGEST_LABEL:
            said = {"name": key[:60], "most": LONGEST_LABEL}
            yield "labels", _("%(name)s: at most %(most)d characters.") % said


def _limits(rule: Rule) -> Iterator[Fault]:
    """A recovery value on the wrong side of its limit would make an alert that never ends, or flaps."""
    named = {name: getattr(rule, name) for pair in RECOVERY.items() for name in pair}
    if not _limited(rule):
        empty = _("A rule of kind %(kind)s has no limits: leave it empty.") % {"kind": rule.kind}
        yield from ((name, empty) for name in _given(named))
        return
    if endless := [name for name in _given(named) if not isfinite(named[name])]:
        yield endless[0], _("Write a finite number.")
        return
    if rule.warn is None and rule.critical is None:
        yield "critical", _("Give a limit: warn, critical, or both.")
    for limit, recover in RECOVERY.items():
        if named[recover] is not None and named[limit] is None:
            text = _("%(recover)s needs %(limit)s: without that limit there is nothing to recover from.")
            yield recover, text % {"recover": recover, "limit": limit}
    above = rule.op == "above"
    for low, high in (*((recover, limit) for limit, recover in RECOVERY.items()), ("warn", "critical")):
        first, second = named[low], named[high]
        if first is not None and second is not None and (first > second if above else first < second):
            yield low, _wrong_side(low, high, (first, second), above=above)


def _wrong_side(low: str, high: str, values: tuple[float, float], *, above: bool) -> str:
    text = _("%(what)s is %(value)s, which must be above %(limit)s, %(than)s, or equal to it.")
    if above:
        text = _("%(what)s is %(value)s, which must be below %(limit)s, %(than)s, or equal to it.")
    said = {"what": str(SAID[low]), "limit": str(SAID[high]).lower()}
    return text % {**said, "value": f"{values[0]:.12g}", "than": f"{values[1]:.12g}"}


def _limited(rule: Rule) -> bool:
    try:
        return registry.get(rule.kind).limited
    except Unknown:
        return True


def _of_kind(rule: Rule) -> Iterator[Fault]:
    """What only its kind knows."""
    if not isinstance(rule.params, dict):
        yield "params", _('Write them as {"window": 600}.')
    elif rule.kind in set(registry):
        yield from registry.get(rule.kind).check({**fields_of(rule), "team": rule.team_id})


def _given(named: dict[str, Any]) -> list[str]:
    return [name for name, value in named.items() if value is not None]


def _times(rule: Rule) -> Iterator[Fault]:
    for name, most in LONGEST.items():
        value = getattr(rule, FIELDS[name])
        if value is not None and not _whole(value, 0, most):
            yield name, _("Whole seconds from 0 to %(most)d.") % {"most": most}
    repeats = rule.repeat_intervals
    if not isinstance(repeats, list) or len(repeats) > MOST_REPEATS:
        text = _("A list of at most %(most)d times in seconds, such as [14400, 86400].")
        yield "repeat_intervals", text % {"most": MOST_REPEATS}
    elif not all(_whole(one, 60, LONGEST_REPEAT) for one in repeats):
        text = _("Each is a time in whole seconds from 60 to %(most)d.")
        yield "repeat_intervals", text % {"most": LONGEST_REPEAT}


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _grouping(rule: Rule) -> Iterator[Fault]:
    words = rule.group_by
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        yield "group_by", _('A list of words, such as ["rule", "server"].')
        return
    if len(words) > MOST_GROUPS or len(set(words)) < len(words):
        yield "group_by", _("At most %(most)d words, each once.") % {"most": MOST_GROUPS}
    for word in words:
        if word not in GROUPS and not (word.startswith("tag:") and word.removeprefix("tag:").strip()):
            said = {"word": f"{word[:60]!r}", "words": ", ".join(GROUPS)}
            yield "group_by", _("%(word)s is not known; words are %(words)s and tag:<word>.") % said


def _targets(rule: Rule) -> Iterator[Fault]:
    if not isinstance(rule.notify, list) or len(rule.notify) > MOST_TARGETS:
        yield "notify", _("A list of at most %(most)d targets.") % {"most": MOST_TARGETS}
        return
    for place, target in enumerate(rule.notify):
        if not isinstance(target, dict) or len(target) != 1 or not _there(rule, *next(iter(target.items()))):
            yield "notify", str(_TARGET)
            return
        if target in rule.notify[:place]:
            yield "notify", _("The same target stands there twice.")
            return


def _there(rule: Rule, kind: str, id_: Any) -> bool:
    try:
        uuid = UUID(str(id_))
    except ValueError:
        return False
    if str(uuid) != id_:  # what looks for those who name it looks for this one way of writing
        return False
    if kind == "channel":
        return Channel.objects.standing().of_teams().filter(team=rule.team_id, uuid=uuid).exists()
    if kind == "chain":
        return Chain.objects.filter(team=rule.team_id, uuid=uuid).exists()
    active = Membership.objects.filter(team=rule.team_id, user__is_active=True)
    return kind == "person" and active.filter(user__uuid=uuid).exists()
