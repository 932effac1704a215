"""What a notice says: the trouble in one sentence, and what became of it, in the active language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.messages import group, wording
from alerts.messages.moments import moment
from alerts.messages.plain import line, word
from alerts.messages.said import Said
from alerts.models import Incident, Notice
from metrics.store import duration


@dataclass(frozen=True)
class Told:
    """A notice with what it speaks of, read beforehand so that nothing here asks the database."""

    notice: Notice
    new: Sequence[Said] = ()
    over: Sequence[Said] = ()
    firing: Sequence[Said] = ()
    """Members of its incident that fire now, the worst first; the first few of `still`."""
    still: int = 0
    counts: tuple[int, int] = (0, 0)
    """How many are new, and over: of those only the first few are given."""
    zone: tzinfo = UTC

    @property
    def facts(self) -> dict[str, Any]:
        return self.notice.facts or {}

    def moment(self, name: str) -> str:
        at = self.facts.get(name)
        return moment(datetime.fromtimestamp(float(at), UTC), self.zone) if at else ""


Say = Callable[[Told], str]


def say(told: Told) -> str:
    """Its sentence; one of our own that is not known here goes out as it was written."""
    speak = ABOUT.get(told.facts.get("about", "")) or KINDS.get(told.notice.kind)
    return speak(told) if speak else line(told.notice.text)


def trouble(told: Told) -> str:
    """What is wrong with the whole incident, as it is now."""
    if told.firing:
        return group.firing(told.firing, told.still, say=wording.present)
    return titled(told.notice.incident)


def titled(incident: Incident) -> str:
    """What an incident is called, from what it remembers of it."""
    said = incident.said
    if said.get("about") in ABOUT:
        return ABOUT[said["about"]](Told(Notice(incident=incident, facts=said)))
    if "servers" in said:
        return _counted(said)
    return wording.standing(Said.remembered(said)) if said.get("kind") else line(incident.title)


def _counted(said: Mapping[str, Any]) -> str:
    count, rules = said["servers"], [word(rule) for rule in said["rules"]]
    if count == 1:
        text = _("%(server)s: %(names)s") if said["count"] > 1 else _("%(names)s on %(server)s")
        return text % {"server": word(said["server"]), "names": group.names(rules, said["count"])}
    if rules:
        return group.counted(rules[0], count, checks=bool(said.get("checks")))
    text = (
        _("%(rules)d rules on %(count)d checks") if said.get("checks") else _("%(rules)d rules on %(count)d servers")
    )
    return text % {"rules": said["count"], "count": count}


def _events(told: Told) -> str:
    """Something began or ended: one alert's own sentence, or the sum of a group."""
    if not (told.new or told.over):
        return _whole(told)
    if told.facts.get("ended") == "removed" and told.over:
        return wording.removed(told.over[0])
    if "closed_by" in told.facts and told.over:
        return wording.closed(told.over[0], word(told.facts["closed_by"]))
    return group.bundle(told.new, told.over, told.still if told.notice.alert_id is None else 0, told.counts)


def _whole(told: Told) -> str:
    """A trouble that is no alert: closed by hand, or as it was written."""
    if "closed_by" not in told.facts:
        return line(told.notice.text)
    said = {"trouble": trouble(told), "name": word(told.facts["closed_by"])}
    return _("%(trouble)s Closed by %(name)s.") % said


def _acknowledged(told: Told) -> str:
    incident, facts = told.notice.incident, told.facts
    who = word(told.notice.by or facts.get("name") or incident.acknowledged_by or "?")
    said = {"name": who, "trouble": trouble(told), "time": told.moment("until")}
    if facts.get("how") == "sticky":
        text = _("%(name)s looks after it to its end: %(trouble)s") % said
    elif said["time"]:
        text = _("%(name)s looks after it until %(time)s: %(trouble)s") % said
    else:
        text = _("%(name)s looks after it: %(trouble)s") % said
    reason = line(facts.get("reason", ""), 200)
    return text + (" " + _("Reason: %(reason)s") % {"reason": reason} if reason else "")


def _unacknowledged(told: Told) -> str:
    texts = {
        "worse": _("It got worse, and nobody looks after it now: %(trouble)s"),
        "until": _("The time that was asked for is over, and nobody looks after it now: %(trouble)s"),
        "unanswered": _("The reminder was not answered, and nobody looks after it now: %(trouble)s"),
    }
    text = texts.get(told.facts.get("why", ""), _("Nobody looks after it now: %(trouble)s"))
    return text % {"trouble": trouble(told)}


def _repeat(told: Told) -> str:
    passed = (told.notice.at - told.notice.incident.opened_at).total_seconds()
    return _("Not over after %(time)s: %(trouble)s") % {"time": duration(passed), "trouble": trouble(told)}


def _reminder(told: Told) -> str:
    return _("Do you still look after it? %(trouble)s") % {"trouble": trouble(told)}


def _escalated(told: Told) -> str:
    minutes = told.facts.get("minutes") or 0
    text = trouble(told)
    if minutes:
        said = {"time": duration(60 * minutes), "trouble": text}
        text = _("Not acknowledged for %(time)s: %(trouble)s") % said
    if gap := told.facts.get("on_call_gap"):
        text += " " + _("Nobody is on call in “%(schedule)s”, so you are told.") % {"schedule": word(gap)}
    return text


def _digest(told: Told) -> str:
    facts = told.facts
    if "count" not in facts:
        return line(told.notice.text)
    text = ngettext(
        "%(count)d message was too many here and was held back: %(firing)d firing, %(resolved)d over.",
        "%(count)d messages were too many here and were held back: %(firing)d firing, %(resolved)d over.",
        facts["count"],
    )
    return text % {"count": facts["count"], "firing": facts.get("firing", 0), "resolved": facts.get("resolved", 0)}


def _silence_ends(told: Told) -> str:
    said = {"reason": word(told.facts.get("reason", "")), "time": told.moment("ends"), "trouble": trouble(told)}
    return _("The silence “%(reason)s” ends at %(time)s, and this is not over: %(trouble)s") % said


def _rule_fault(told: Told) -> str:
    said = {"rule": word(told.facts.get("rule", "")), "reason": line(told.facts.get("reason", ""), 200)}
    return _("The rule “%(rule)s” cannot be judged: %(reason)s") % said


def _rule_mended(told: Told) -> str:
    return _("The rule “%(rule)s” is judged again.") % {"rule": word(told.facts.get("rule", ""))}


def _alert_fault(told: Told) -> str:
    said = {"rule": word(told.facts.get("rule", "")), "server": word(told.facts.get("server", ""))}
    return _("The alert “%(rule)s” on %(server)s could not be written down: look at it yourself.") % said


def _alert_mended(_told: Told) -> str:
    return _("The alert is written down again.")


KINDS: dict[str, Say] = {
    "firing": _events, "resolved": _events, "acknowledged": _acknowledged, "unacknowledged": _unacknowledged,
    "repeat": _repeat, "reminder": _reminder, "escalated": _escalated, "digest": _digest,
}  # fmt: skip
ABOUT: dict[str, Say] = {
    "silence_ends": _silence_ends, "rule_fault": _rule_fault, "rule_mended": _rule_mended,
    "alert_fault": _alert_fault, "alert_mended": _alert_mended,
}  # fmt: skip
