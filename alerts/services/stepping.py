"""One step of a chain: tell whom it names, or who stands in for them, and say in words what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.base import narrow
from accounts.models import User
from alerts.models import Alert, Channel, Delivery, Incident, Notice, Schedule, Step
from alerts.services import people, schedules
from alerts.services.audience import parts
from core import apart, runner

log = logging.getLogger(__name__)

BLIND = "was skipped, as they see other servers alone"
Way = Callable[["Telling", dict[str, Any]], str]


def do(step: Step, incident: Incident, now: datetime) -> str:
    """The result in words. A step that finds nobody, or cannot be read, tells the team instead: never nobody."""
    try:
        return _done(DOING[step.kind], step, incident, now)
    except apart.DOWN:
        raise
    except Exception:
        log.exception("Step %s of incident %d cannot be done", step.uuid, incident.pk)
        return _done(_unreadable, step, incident, now)


@transaction.atomic
def _done(way: Way, step: Step, incident: Incident, now: datetime) -> str:
    telling = Telling(incident, step, now)
    result = way(telling, step.args) + telling.rest()
    telling.write()
    return result


class Telling:
    """Collects whom a step tells, each recipient once, and writes them as one notice."""

    def __init__(self, incident: Incident, step: Step, now: datetime) -> None:
        self.incident, self.step, self.now = incident, step, now
        self.severity = _severity(incident, step)
        self.rows: dict[tuple[int, str], Delivery] = {}
        self.gap = ""

    def person(self, user: User, *, important: bool) -> str:
        """`Maria by SMS and mail (from 07:00, quiet hours)`"""
        found = people.ways(user, "critical" if important else self.severity, self.now)
        for reach in found:
            self._add(reach.channel, reach.recipient, reach.due_at, user)
        words = f"{user} by {_and(list(dict.fromkeys(_kind(reach.channel) for reach in found)))}"
        first = min(reach.due_at for reach in found)
        if first <= self.now:
            return words
        local = first.astimezone(user.clock)
        return f"{words} (from {local:%H:%M}, after quiet hours)"

    def channel(self, channel: Channel) -> str:
        for to in people.recipients(channel):
            self._add(channel, to, self.now, None)
        return f"the channel {channel}"

    def everybody(self, *, important: bool = False) -> str:
        return self._people(people.callable_for(self.incident), important=important)

    def _people(self, users: Iterable[User], *, important: bool) -> str:
        return _and([self.person(user, important=important) for user in users])

    def instead(self, users: Iterable[User] | None = None) -> str:
        """Who hears of it when nobody whom the step names can: the default channels, else these, else the team."""
        default = Channel.objects.filter(team=self.incident.team, enabled=True, default=True)
        others = people.callable_for(self.incident) if users is None else users
        words = _and([self.channel(channel) for channel in default]) or self._people(others, important=True)
        return f"told {words} instead." if words else "and nobody else could be told: the team has no member."

    def rest(self) -> str:
        """What none of whom it tells may see, as they see other servers alone, is told as if it had found nobody."""
        told = [row.person for row in self.rows.values()]
        narrowed = [user for user in told if user is not None and narrow.concerns(user)]
        if not told or len(narrowed) < len(told):
            return ""
        unseen = self._beyond(self._firing(), narrowed)
        if not unseen.exists():
            return ""
        return f" Of what they may not see: {self.instead(self._who_see(unseen))}"

    def _who_see(self, alerts: QuerySet[Alert]) -> list[User]:
        """Those who together see all of these. They, too, may see some servers alone."""
        found: dict[int, User] = {}
        while (server := alerts.order_by("pk").values_list("server", flat=True).first()) is not None:
            users = people.callable_for(self.incident, server)
            found |= {user.pk: user for user in users}
            alerts = self._beyond(alerts.exclude(server=server), users)
        return list(found.values())

    @staticmethod
    def _beyond(alerts: QuerySet[Alert], users: Iterable[User]) -> QuerySet[Alert]:
        """Those of them that none of these people sees."""
        for user in users:
            alerts = alerts.exclude(pk__in=Alert.objects.visible_to(user).values("pk"))
        return alerts

    def _firing(self) -> QuerySet[Alert]:
        return self.incident.alerts.open().exclude(state="pending")

    def _add(self, channel: Channel, to: str, due: datetime, user: User | None) -> None:
        row = Delivery(channel=channel, recipient=to, due_at=due, person=user)
        self.rows.setdefault((channel.pk, to), row)

    def write(self) -> None:
        if not self.rows:
            return
        notice = Notice.objects.create(
            incident=self.incident, kind="escalated", at=self.now, told_at=self.now, text=self._text(),
            facts=self._facts(),
        )  # fmt: skip
        for row in self.rows.values():
            row.notice = notice
        Delivery.objects.bulk_create(self.rows.values(), ignore_conflicts=True)
        transaction.on_commit(partial(runner.wake, "deliver"))

    def _text(self) -> str:
        minutes = self.step.args.get("after", 0) // 60
        waited = f"Not acknowledged for {minutes} min: " if minutes else ""
        gap = f"Nobody is on call in {self.gap}. " if self.gap else ""
        return f"{gap}{waited}{self.incident.title}"[:400]

    def _facts(self) -> dict[str, Any]:
        firing = self._firing()
        worst = sorted(firing, key=lambda alert: (alert.severity != "critical", alert.since))[:1]
        values: dict[str, Any] = {"value": worst[0].value, "limit": worst[0].limit} if worst else {}
        if self.gap:
            values["on_call_gap"] = self.gap
        said = Notice.objects.filter(incident=self.incident, kind="firing", held="").exclude(told_at=None)
        told = list(firing.filter(pk__in=said.values("alert")).values_list("pk", flat=True))
        if told:  # what is held back now is not told by this call: whoever gets it hears of these ends alone
            values["alerts"] = told
        heard = told or list(firing.values_list("pk", flat=True))
        if found := parts([row.person_id for row in self.rows.values()], heard):
            values["parts"] = found
        minutes = self.step.args.get("after", 0) // 60
        return {**values, "severity": self.severity, "chain": self.step.chain, "minutes": minutes}


def _severity(incident: Incident, step: Step) -> str:
    """A step before it may have raised it; what is judged later does not take that back."""
    raised = Step.objects.filter(incident=incident, chain=step.chain, round=step.round, kind="raise")
    return "critical" if raised.exclude(done_at=None).exists() else incident.severity


def _wait(telling: Telling, args: dict[str, Any]) -> str:
    return f"Waited {_span(args['seconds'])}: nobody acknowledged."


def _repeat(telling: Telling, args: dict[str, Any]) -> str:
    return f"Begins again, {args['time']} of {args['times']}."


def _raise(telling: Telling, args: dict[str, Any]) -> str:
    if telling.incident.severity == "critical":
        return "It is critical already."
    Incident.objects.filter(pk=telling.incident.pk).update(severity="critical")
    telling.incident.severity = "critical"
    return "Raised to critical."


def _person(telling: Telling, args: dict[str, Any]) -> str:
    user = User.objects.filter(uuid=_id(args["person"])).first()
    if user is None or not people.may_be_told(user, telling.incident.team):
        return f"{user or 'Somebody removed'} may not be told any more: {telling.instead()}"
    if not people.sees(user, telling.incident):
        return f"{user} {BLIND}: {telling.instead()}"
    return f"Told {telling.person(user, important=args.get('important', False))}."


def _on_call(telling: Telling, args: dict[str, Any]) -> str:
    schedule = Schedule.objects.filter(team=telling.incident.team, uuid=_id(args["schedule"])).first()
    if schedule is None:
        return f"The schedule is gone: {telling.instead()}"
    important = args.get("important", False)
    user = schedules.on_call(schedule, telling.now)
    blind = user is not None and not people.sees(user, telling.incident)
    if user is not None and not blind:
        return f"Told {telling.person(user, important=important)}, on call in {schedule}."
    nobody = f"{user} is on call in {schedule} and {BLIND}" if blind else f"Nobody is on call in {schedule}"
    telling.gap = "" if blind else schedule.name
    fallback = schedules.fallback(schedule)
    if fallback is not None and people.sees(fallback, telling.incident):
        return f"{nobody}: told the fallback {telling.person(fallback, important=important)}."
    return f"{nobody}: {telling.instead()}"


def _team(telling: Telling, args: dict[str, Any]) -> str:
    words = telling.everybody(important=args.get("important", False))
    return f"Told {words}." if words else f"The team has no member who could be told: {telling.instead()}"


def _channel(telling: Telling, args: dict[str, Any]) -> str:
    found = Channel.objects.standing().filter(team=telling.incident.team, uuid=_id(args["channel"])).first()
    if found is None or not found.enabled:
        return f"{'It is gone' if found is None else f'The channel {found} is switched off'}: {telling.instead()}"
    return f"Told {telling.channel(found)}."


def _unreadable(telling: Telling, _args: dict[str, Any]) -> str:
    return f"This step could not be done: {telling.instead()}"


DOING: dict[str, Way] = {
    "wait": _wait, "person": _person, "on_call": _on_call, "team": _team, "channel": _channel, "repeat": _repeat,
    "raise": _raise,
}  # fmt: skip


def _id(text: str) -> UUID:
    return UUID(text)


def _kind(channel: Channel) -> str:
    return people.WORDS.get(channel.kind, channel.kind)


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _span(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
