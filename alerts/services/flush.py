"""Tell some groups whose time has come: who hears what in which message, all read and written at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from math import ceil
from typing import Any

from django.db import transaction

from alerts import grouping, messages, policy
from alerts.chains import TELLING
from alerts.models import Alert, Delivery, Incident, Notice, Rule, Step
from alerts.policy import Around, Case, Down, Held
from alerts.services import chains, freeing, seen, silences
from alerts.services.audience import Aims, Book, Heard, Place, To, parts
from alerts.services.work import timers, upsert
from core import runner
from servers.models import Server

REPLACED = "worse news took its place"
EARLY = "it was over before its group was told"
UNHEARD = "nobody was told that it began"
NOBODY = "no channel, person or chain is there for it"

Subject = int | None  # the key of an alert; None for a trouble that has none


@dataclass(eq=False)
class Talk:
    """One group being told: what became of its events, and what goes out."""

    incident: Incident
    tick: datetime
    out: list[tuple[Notice, list[To]]] = field(default_factory=list)
    begun: dict[Subject, list[To]] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)


class Flush:
    """Holds the locks of these incidents; `run` leaves none of them due."""

    def __init__(self, incidents: Sequence[Incident], now: datetime) -> None:
        self.now = now
        self.incidents = incidents
        pks = [incident.pk for incident in incidents]
        self.events: dict[int, list[Notice]] = {pk: [] for pk in pks}
        untold = Notice.objects.untold().filter(incident__in=pks).select_related("alert").order_by("pk")
        for notice in untold:
            self.events[notice.incident_id].append(notice)
        self.open: dict[int, list[Alert]] = {pk: [] for pk in pks}
        for alert in Alert.objects.open().filter(incident__in=pks).exclude(state="pending").order_by("pk"):
            self.open[alert.incident_id or 0].append(alert)
        self.firing = Counter((alert.incident_id, alert.rule_id) for group in self.open.values() for alert in group)
        alerts = [event.alert for events in self.events.values() for event in events if event.alert]
        alerts += [alert for group in self.open.values() for alert in group]
        self.rules = Rule.objects.in_bulk({alert.rule_id for alert in alerts})
        self.servers = Server.objects.in_bulk({alert.server_id for alert in alerts})
        self.around = Around(now, silences.mutes({rule.team_id for rule in self.rules.values()}, now), self._downs())
        self.book = Book(now)
        self.heard = Heard([incident.pk for incident in incidents if self._may_have_been_heard(incident)])
        self.notices: dict[Notice, None] = {}  # told, held or settled
        self.held: list[Notice] = []  # that are told after all
        self.bundles: list[Notice] = []
        self.deliveries: list[Delivery] = []

    def _may_have_been_heard(self, incident: Incident) -> bool:
        return incident.told_at is not None or any(one.kind == "resolved" for one in self.events[incident.pk])

    def _downs(self) -> dict[int, Down]:
        """Servers that are down, or may be: what else is bad of them is explained by it, while it can be judged."""
        chosen = Alert.objects.open().filter(server__in=self.servers, rule__kind="no_data", rule__metric="")
        chosen = chosen.exclude(state="error")
        return {server: Down(alert, incident) for server, alert, incident in chosen.values_list(
            "server_id", "pk", "incident_id"
        )}  # fmt: skip

    # One group after the other

    def run(self) -> None:
        for incident in self.incidents:
            self._talk(Talk(incident, incident.next_at or self.now))
        self._save()

    def _talk(self, talk: Talk) -> None:
        incident = talk.incident
        pace = timers(incident.rule)
        for subject, events in _by_subject(self.events[incident.pk]).items():
            self._subject(talk, subject, events, each=pace.at_once)
        said = bool(talk.out)
        self._send(talk, each=pace.at_once)
        if said:
            incident.told_at, incident.repeats = self.now, 0
        elif self._repeat_due(talk):
            self._repeat(talk)
        self._when_next(talk)
        incident.parent_id = self._parent(incident)

    def _subject(self, talk: Talk, subject: Subject, events: list[Notice], *, each: bool) -> None:
        """The untold events of one alert in their order; of beginnings that waited the last one speaks."""
        begun: Notice | None = None
        for event in events:
            if event.kind == "resolved":
                why = self._begin_late(talk, begun, event, each=each) if begun else UNHEARD
                self._end(talk, subject, event, why)
                begun = None
                continue
            if begun is not None and each:
                self._begin(talk, begun)
            elif begun is not None:
                self._settle(begun, REPLACED)
            begun = event
        if begun is not None:
            self._begin(talk, begun)

    def _begin_late(self, talk: Talk, begun: Notice, end: Notice, *, each: bool) -> str:
        """It began and is over, and nobody heard yet: told if its time had come before. Else why not."""
        if not begun.held and (each or end.at >= talk.tick):
            self._begin(talk, begun, over=True)
            return begun.held
        self._settle(begun, begun.held or EARLY)
        return begun.held

    def _begin(self, talk: Talk, event: Notice, *, over: bool = False) -> None:
        """A beginning is told unless something holds it."""
        incident, alert = talk.incident, event.alert
        reason = self._reason(incident, alert, event.at) if alert else None
        if reason is not None:
            event.held = f"Not told: {reason.why}."[:200]
            self.notices[event] = None
            if reason.for_good or over:
                event.told_at = self.now
            else:
                talk.held.append(reason)
            return
        if incident.acknowledged_at is not None:
            freeing.free(incident, self.now, "worse")
        aims = self._aims(incident, event)
        for chain in aims.chains:
            chains.begin(incident, chain, self.now)
        to = list(aims.places)
        if aims.chains:
            severity = event.facts.get("severity", incident.severity)
            to += self._by_chain(incident, severity, event.alert.server_id if event.alert else None)
        if event.held:
            event.facts["was_held"] = event.held  # so that its timeline says why it was told so late
            self.held.append(event)
        event.held = ""
        if not to and not aims.chains:
            event.held = NOBODY  # it is said again like any other: whoever is there by then hears of it
        to = [one for one in to if not over or one.due <= self.now]
        talk.out.append((event, to))
        talk.begun.setdefault(_subject(event), []).extend(to)

    def _end(self, talk: Talk, subject: Subject, event: Notice, why: str) -> None:
        """The end goes to whoever heard of the beginning, and to nobody else, whatever is muted."""
        severity = event.facts.get("severity", talk.incident.severity)
        heard = self.heard.of(talk.incident.pk, subject)
        # That a warning is over wakes nobody: like its beginning it waits for the end of quiet hours.
        to = [replace(one, due=self.book.awake(one.person, severity)) for one in self._tos(heard)]
        known = {one.place for one in to}
        to += {one.place: one for one in talk.begun.get(subject, ()) if one.place not in known}.values()
        if to:
            talk.out.append((event, to))
        else:
            self._settle(event, why or UNHEARD)

    def _settle(self, event: Notice, why: str) -> None:
        event.held, event.told_at = why[:200], self.now
        self.notices[event] = None

    def _reason(self, incident: Incident, alert: Alert, began: datetime) -> Held | None:
        rule = self.rules[alert.rule_id]
        firing = self.firing[incident.pk, rule.pk]
        return policy.held(Case(self.around, incident, rule, self.servers[alert.server_id], alert.pk, began, firing))

    def _aims(self, incident: Incident, event: Notice) -> Aims:
        severity = event.facts.get("severity", incident.severity)
        # The alert may have gone with its server meanwhile.
        rule = self.rules[event.alert.rule_id] if event.alert else incident.rule
        notify = event.facts.get("notify") or (rule.notify if rule else [])
        return self.book.aims(incident, notify, severity, event.alert.server_id if event.alert else None)

    def _by_chain(self, incident: Incident, severity: str, server: int | None) -> list[To]:
        """Whom its chains reached; where none of them may hear it and no call is to come, who stands in for them."""
        found = self._called(incident, server=server)
        if found or not self.heard.of(incident.pk, by_chain=True):
            return found
        if Step.objects.filter(incident=incident, done_at=None, kind__in=TELLING).exists():
            return found
        return self.book.instead(incident, severity, server)

    def _called(self, incident: Incident, *, by_chain: bool = True, server: int | None = None) -> list[To]:
        """Whom its chains reached, or anybody, who may still be told: of its end all hear, of more only these."""
        heard = self._tos(self.heard.of(incident.pk, by_chain=by_chain))
        return [to for to in heard if to.person is None or self.book.may_hear(to.person, incident, server)]

    def _tos(self, places: dict[Place, int | None]) -> list[To]:
        return [To(channel, to, self.now, person) for (channel, to), person in places.items()]

    # Messages

    def _send(self, talk: Talk, *, each: bool) -> None:
        """Each recipient gets one message of all that is news to it; each event its own where nothing waits."""
        shares: dict[Place, tuple[To, list[Notice]]] = {}
        for event, tos in talk.out:
            event.told_at = self.now
            self.notices[event] = None
            for to in tos:
                if each:
                    self._deliver(event, to)
                else:
                    first, mine = shares.get(to.place, (to, []))
                    # All of it goes when the most urgent of it may: no warning keeps the worst in quiet hours.
                    shares[to.place] = (to if to.due < first.due else first, [*mine, event])
        alike: dict[tuple[Notice, ...], list[To]] = {}
        for to, events in shares.values():
            alike.setdefault(tuple(events), []).append(to)
        for told, tos in alike.items():
            notice = told[0] if len(told) == 1 else self._bundle(talk.incident, told)
            for to in tos:
                self._deliver(notice, to)

    def _bundle(self, incident: Incident, events: tuple[Notice, ...]) -> Notice:
        new = [event for event in events if event.kind == "firing"]
        over = [event for event in events if event.kind == "resolved"]
        worst = max(new or over, key=lambda event: (event.facts.get("severity") == "critical", event.pk))
        facts = {
            "new": [event.facts for event in new[: grouping.SHOWN]], "new_count": len(new),
            "resolved": [event.facts for event in over[: grouping.SHOWN]], "resolved_count": len(over),
            "firing": sum(not self.servers[one.server_id].demo for one in self.open[incident.pk]),
            "alerts": [_subject(event) for event in new],
            "over": [_subject(event) for event in over],
            **{name: worst.facts.get(name) for name in ("severity", "value", "limit")},
        }  # fmt: skip
        text = messages.bundle_sentence(
            [event.facts for event in new], [event.facts for event in over], facts["firing"]
        )
        kind = "firing" if new else "resolved"
        notice = Notice(incident=incident, kind=kind, at=self.now, told_at=self.now, text=text, facts=facts)
        self.bundles.append(notice)
        for event in events:
            event.told_in = event.told_in or notice
        return notice

    def _deliver(self, notice: Notice, to: To) -> None:
        self.deliveries.append(
            Delivery(notice=notice, channel_id=to.channel, recipient=to.recipient, due_at=to.due, person_id=to.person)
        )

    # Saying it again

    def _repeat_due(self, talk: Talk) -> bool:
        incident = talk.incident
        if incident.told_at is None or incident.resolved_at or incident.acknowledged_at:
            return False
        return self.now >= incident.told_at + timers(incident.rule).pause(incident.repeats)

    def _repeat(self, talk: Talk) -> None:
        incident = talk.incident
        waiting = {_subject(event) for event in self.events[incident.pk] if event.told_at is None}
        told = [alert for alert in self.open[incident.pk] if alert.pk not in waiting]
        speak = [alert for alert in told if self._reason(incident, alert, self.now) is None]
        if told and not speak:
            return  # at the next tick, or when what mutes it ends
        to = self._again_to(incident, speak)
        alerts = [alert.pk for alert in speak]
        found = parts([one.person for one in to.values()], alerts)
        if speak:  # what goes on is no news of theirs to whoever sees none of it
            to = {place: one for place, one in to.items() if found.get(str(one.person), alerts)}
        if to:
            facts: dict[str, Any] = {"firing": len(speak), "alerts": alerts, "severity": incident.severity}
            if found:
                facts["parts"] = found
            if not speak:
                del facts["alerts"]
            text = f"Still firing: {incident.title}"[:400]
            notice = Notice(incident=incident, kind="repeat", at=self.now, told_at=self.now, text=text, facts=facts)
            self.bundles.append(notice)
            for one in to.values():
                self._deliver(notice, one)
        incident.told_at = self.now
        incident.repeats += 1

    def _again_to(self, incident: Incident, speak: list[Alert]) -> dict[Place, To]:
        """Whom the rules name now, and whom the chains have reached; a trouble without alerts: who heard of it."""
        found: dict[Place, To] = {}
        for rule_id, severity in dict.fromkeys((alert.rule_id, alert.severity) for alert in speak):
            rule = self.rules[rule_id]
            aims = self.book.aims(incident, rule.notify, severity)
            found.update({one.place: one for one in aims.places})
            if aims.chains:
                servers = {one.server_id for one in speak if (one.rule_id, one.severity) == (rule_id, severity)}
                found.update({to.place: to for one in servers for to in self._by_chain(incident, severity, one)})
        if not speak:
            found.update({one.place: one for one in self._called(incident, by_chain=False)})
        return found

    # When to look again

    def _when_next(self, talk: Talk) -> None:
        incident = talk.incident
        pace = timers(incident.rule)
        times = [policy.look_again(reason, self.now) for reason in talk.held]
        if incident.resolved_at is None and incident.told_at is not None:
            times.append(self._next_repeat(talk, pace))
        incident.next_at = min(times, default=None)

    def _next_repeat(self, talk: Talk, pace: grouping.Timers) -> datetime:
        incident = talk.incident
        assert incident.told_at is not None  # noqa: S101 - asked by the caller
        base = min(talk.tick, self.now) if pace.interval else self.now
        at = pace.again(base, incident.told_at, incident.repeats)
        if at > self.now:
            return at
        # It is due, but muted or looked after: whoever changes that says so.
        every = max(pace.interval, policy.LOOK.total_seconds())
        return grouping.Timers(interval=ceil(every / (pace.interval or 1)) * (pace.interval or 1)).next(
            base, self.now
        )

    def _parent(self, incident: Incident) -> int | None:
        """The trouble that explains all of it: its servers are down, and that is told as one."""
        alerts = self.open[incident.pk]
        found = {self.around.downs.get(alert.server_id) for alert in alerts}
        parents = {down.incident if down else None for down in found}
        if len(parents) == 1 and not any(down and down.alert in {a.pk for a in alerts} for down in found):
            return parents.pop()
        return None

    def muted(self, incident: Incident) -> str:
        """Why nothing may be said of it now: every alert of it is held."""
        reasons = [self._reason(incident, alert, self.now) for alert in self.open[incident.pk]]
        return reasons[0].why if reasons and reasons[0] and all(reasons) else ""

    # Writing

    def _save(self) -> None:
        Notice.objects.bulk_create(self.bundles)
        upsert(Notice, list(self.notices), ["told_at", "told_in", "held"])
        upsert(Notice, self.held, ["facts"])
        Delivery.objects.bulk_create(self.deliveries, ignore_conflicts=True)
        upsert(Incident, list(self.incidents), ["told_at", "next_at", "repeats", "parent"])
        over = [incident.pk for incident in self.incidents if incident.resolved_at]
        freeing.nothing_more(over, self.now)
        if self.deliveries:
            transaction.on_commit(partial(runner.wake, "deliver"))
        for incident in self.incidents:
            transaction.on_commit(partial(seen.told, incident))


def _subject(event: Notice) -> Subject:
    """An alert that went with its server is still known by its number."""
    found: Subject = event.facts.get("alert", event.alert_id)
    return found


def _by_subject(events: list[Notice]) -> dict[Subject, list[Notice]]:
    found: dict[Subject, list[Notice]] = {}
    for event in events:
        found.setdefault(_subject(event), []).append(event)
    return found
