"""One plain sentence for each kind of rule: that something is wrong, and that it is over; in the active language."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from alerts.messages.said import Said
from metrics.store import duration, number, quantity, shown, spoken

Speak = Callable[[Said], str]


def firing(said: Said) -> str:
    """What is wrong, on what, how much: `web-1: CPU used is 97.1 %, above 95 %.`"""
    if said.kind == "threshold" and said.metric in PLAIN:
        return PLAIN[said.metric](said)
    text = FIRING.get(said.kind, _threshold)(said)
    if said.left is None:
        return text
    return _("%(sentence)s At this pace it is full in %(time)s.") % {
        "sentence": text, "time": duration(said.left),
    }  # fmt: skip


def present(said: Said) -> str:
    """What is wrong at this moment: without a time, which would be over when somebody reads it."""
    return LASTING.get(said.kind, firing)(said)


def standing(said: Said) -> str:
    """What is wrong for as long as it lasts: without any number that is another a minute later."""
    if said.kind == "threshold" and said.metric in UNCOUNTED:
        return _(UNCOUNTED[said.metric]) % _facts(said)
    return STANDING.get(said.kind, firing)(said)


def resolved(said: Said) -> str:
    """That it is over, and how long it took."""
    text = RESOLVED.get(said.kind, _well)(said)
    if said.lasted is None:
        return text
    return _("%(sentence)s It took %(time)s.") % {"sentence": text, "time": duration(said.lasted)}


def removed(said: Said) -> str:
    """It is over because nobody looks for it any more: that does not mean that it is well."""
    return _("%(server)s: the rule “%(rule)s” was removed.") % {"server": said.server, "rule": said.rule}


def closed(said: Said, name: str) -> str:
    text = _("%(server)s: “%(rule)s” was closed by %(name)s.")
    return text % {"server": said.server, "rule": said.rule, "name": name}


def what(said: Said) -> str:
    """The metric and where: `Disk used (mount /)`."""
    text = spoken(said.metric, said.labels)
    return _("%(what)s per core") % {"what": text} if said.params.get("per") == "cores" else text


def value(said: Said, amount: float | None) -> str:
    """A value or a limit as this kind of rule counts it."""
    if amount is None or not math.isfinite(amount) or _yes_or_no(said):
        return ""
    if said.kind in {"no_data", "forecast"}:
        return duration(amount)
    if said.kind in {"change", "past"} and said.params.get("percent", said.kind == "past"):
        return f"{number(abs(amount))} %"
    return quantity(said.metric, abs(amount) if said.kind in {"change", "past"} else amount)


def counted(said: Said) -> bool:
    """Its sentence says how many; the limit is that there are none."""
    return said.kind == "threshold" and said.metric in PLAIN


def _yes_or_no(said: Said) -> bool:
    """It is so or not: a value of 0 below 0.5 says nothing to anybody."""
    return said.kind == "composite" or (said.kind == "threshold" and said.metric in YES_OR_NO)


def measured(said: Said, amount: float | None) -> str:
    """As the pages write it; exactly where that would look like the limit itself."""
    exact = value(said, amount)
    if amount is None or said.kind != "threshold" or not said.metric.endswith("_percent"):
        return exact
    short = shown(said.metric, amount)
    return exact if short == value(said, said.limit) else short


def _facts(said: Said, **more: Any) -> dict[str, Any]:
    return {
        "server": said.server, "rule": said.rule, "what": what(said) if said.metric else "",
        "value": measured(said, said.value), "limit": value(said, said.limit), **more,
    }  # fmt: skip


def _threshold(said: Said) -> str:
    facts = _facts(said)
    if not facts["limit"]:
        return _("%(server)s: %(what)s is %(value)s.") % facts
    if said.op == "below":
        return _("%(server)s: %(what)s is %(value)s, below %(limit)s.") % facts
    return _("%(server)s: %(what)s is %(value)s, above %(limit)s.") % facts


def _beyond(said: Said) -> str:
    facts = _facts(said)
    if said.metric in PLAIN or not facts["limit"]:
        return firing(said)
    if said.op == "below":
        return _("%(server)s: %(what)s is below %(limit)s.") % facts
    return _("%(server)s: %(what)s is above %(limit)s.") % facts


def _change(said: Said) -> str:
    facts = _facts(said, time=duration(float(said.params.get("window", 600))))
    if (said.value or 0) < 0 or said.op == "below":
        return _("%(server)s: %(what)s fell by %(value)s within %(time)s; the limit is %(limit)s.") % facts
    return _("%(server)s: %(what)s rose by %(value)s within %(time)s; the limit is %(limit)s.") % facts


def _moved(said: Said) -> str:
    facts = _facts(said, time=duration(float(said.params.get("window", 600))))
    if (said.value or 0) < 0 or said.op == "below":
        return _("%(server)s: %(what)s fell by more than %(limit)s within %(time)s.") % facts
    return _("%(server)s: %(what)s rose by more than %(limit)s within %(time)s.") % facts


def _past(said: Said) -> str:
    facts = _facts(said)
    if (said.value or 0) < 0 or said.op == "below":
        return _("%(server)s: %(what)s is %(value)s below its usual at this time; the limit is %(limit)s.") % facts
    return _("%(server)s: %(what)s is %(value)s above its usual at this time; the limit is %(limit)s.") % facts


def _unlike(said: Said) -> str:
    facts = _facts(said)
    if (said.value or 0) < 0 or said.op == "below":
        return _("%(server)s: %(what)s is more than %(limit)s below its usual at this time.") % facts
    return _("%(server)s: %(what)s is more than %(limit)s above its usual at this time.") % facts


def _silent(said: Said) -> str:
    facts = _facts(said, time=duration(max(said.value or 0, said.limit or 0)))
    if said.metric in {"", "silent_seconds"}:
        return _("%(server)s has not reported for %(time)s.") % facts
    return _("%(server)s: no values of %(what)s for %(time)s.") % facts


def _quiet(said: Said) -> str:
    if said.metric in {"", "silent_seconds"}:
        return _("%(server)s does not report.") % _facts(said)
    return _("%(server)s: no values of %(what)s arrive.") % _facts(said)


def _composite(said: Said) -> str:
    return _("%(server)s: the condition “%(rule)s” holds.") % _facts(said)


def _anomaly(said: Said) -> str:
    facts = _facts(said)
    if said.metric == "anomaly_rate_percent":
        return _("%(server)s: %(value)s of its metrics are unusual; the limit is %(limit)s.") % facts
    return _("%(server)s behaves unusually: the score is %(value)s, the limit %(limit)s.") % facts


def _unusual(said: Said) -> str:
    facts = _facts(said)
    if said.metric == "anomaly_rate_percent":
        return _("%(server)s: more than %(limit)s of its metrics are unusual.") % facts
    return _("%(server)s behaves unusually.") % facts


def _forecast(said: Said) -> str:
    return _("%(server)s: %(what)s reaches its limit in about %(time)s.") % {
        **_facts(said), "what": _foreseen(said), "time": duration(said.value or 0),
    }  # fmt: skip


def _near(said: Said) -> str:
    return _("%(server)s: %(what)s is about to reach its limit.") % {**_facts(said), "what": _foreseen(said)}


def _foreseen(said: Said) -> str:
    rest = dict(said.labels)
    metric = rest.pop("metric", said.metric)
    return spoken(metric, rest)


def _count(said: Said) -> int:
    return int(said.value or 0)


def _check(said: Said, alone: str, on_server: str) -> str:
    """One that stands for itself is its own server: its name is said once."""
    name = said.labels.get("check", "")
    return (alone if name in {"", said.server} else on_server) % {"server": said.server, "name": name or said.server}


YES_OR_NO = {"check_up", "agent_outdated", "reboot_required", "disk_healthy"}
PLAIN: Mapping[str, Speak] = {
    "services_failed": lambda said: ngettext(
        "%(server)s: %(count)d service has failed.", "%(server)s: %(count)d services have failed.", _count(said)
    ) % _facts(said, count=_count(said)),
    "updates_security": lambda said: ngettext(
        "%(server)s: %(count)d security update waits.", "%(server)s: %(count)d security updates wait.", _count(said)
    ) % _facts(said, count=_count(said)),
    "containers_unhealthy": lambda said: ngettext(
        "%(server)s: %(count)d container is unhealthy.", "%(server)s: %(count)d containers are unhealthy.",
        _count(said),
    ) % _facts(said, count=_count(said)),
    "reboot_required": lambda said: _("%(server)s needs a restart to finish its updates.") % _facts(said),
    "agent_outdated": lambda said: _("%(server)s: the agent is outdated.") % _facts(said),
    "check_up": lambda said: _check(
        said, _("The check “%(name)s” fails."), _("%(server)s: the check “%(name)s” fails.")
    ),
    "disk_healthy": lambda said: _("%(server)s: the disk %(name)s fails its own test (SMART).")
    % _facts(said, name=said.labels.get("device", "")),
}  # fmt: skip
FIRING: Mapping[str, Speak] = {
    "threshold": _threshold, "change": _change, "past": _past, "no_data": _silent, "composite": _composite,
    "anomaly": _anomaly, "forecast": _forecast,
}  # fmt: skip

UNCOUNTED = {
    "services_failed": gettext_noop("%(server)s: services have failed."),
    "updates_security": gettext_noop("%(server)s: security updates wait."),
    "containers_unhealthy": gettext_noop("%(server)s: containers are unhealthy."),
}
LASTING: Mapping[str, Speak] = {"no_data": _quiet, "forecast": _near}
STANDING: Mapping[str, Speak] = {
    **LASTING, "threshold": _beyond, "change": _moved, "past": _unlike, "anomaly": _unusual,
}  # fmt: skip


def _well(said: Said) -> str:
    if said.metric == "check_up":
        return _check(
            said, _("The check “%(name)s” works again."), _("%(server)s: the check “%(name)s” works again.")
        )
    facts = _facts(said)
    if said.metric in PLAIN or not facts["value"]:
        return _("%(server)s: %(what)s is well again.") % facts
    return _("%(server)s: %(what)s is well again at %(value)s.") % facts


def _usual(said: Said) -> str:
    return _("%(server)s: %(what)s is as usual again.") % _facts(said)


def _steady(said: Said) -> str:
    return _("%(server)s: %(what)s is steady again.") % _facts(said)


def _heard(said: Said) -> str:
    if said.metric in {"", "silent_seconds"}:
        return _("%(server)s reports again.") % _facts(said)
    return _("%(server)s: values of %(what)s arrive again.") % _facts(said)


def _no_more(said: Said) -> str:
    return _("%(server)s: the condition “%(rule)s” no longer holds.") % _facts(said)


def _calm(said: Said) -> str:
    return _("%(server)s behaves as usual again.") % _facts(said)


def _far(said: Said) -> str:
    return _("%(server)s: %(what)s is no longer about to reach its limit.") % {
        **_facts(said),
        "what": _foreseen(said),
    }


RESOLVED: Mapping[str, Speak] = {
    "threshold": _well, "change": _steady, "past": _usual, "no_data": _heard, "composite": _no_more,
    "anomaly": _calm, "forecast": _far,
}  # fmt: skip
