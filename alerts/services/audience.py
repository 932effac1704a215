"""Who is told: whom the rule names, and whoever heard of the beginning."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.base import LOOK, narrow
from accounts.models import Team, User
from alerts import quiet
from alerts.models import Alert, Chain, Channel, Delivery, Incident, Notice, Preference, Rule
from alerts.models.records import CALLS
from alerts.services import people

Place = tuple[int, str]  # channel, recipient


@dataclass(frozen=True, slots=True)
class To:
    """One recipient over one channel, and from when on."""

    channel: int
    recipient: str
    due: datetime
    person: int | None = None

    @property
    def place(self) -> Place:
        return self.channel, self.recipient


@dataclass(frozen=True, slots=True)
class Aims:
    """What the targets of a rule come to: places, and chains that find their own."""

    places: tuple[To, ...]
    chains: tuple[Chain, ...] = ()


class Book:
    """Targets looked up once for many alerts."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.known: dict[str, Aims] = {}
        self.of_channel: dict[int, list[str]] = {}
        self.narrowed: dict[str, list[User]] = {}
        self.users: dict[int, User | None] = {}
        self.hearing: dict[tuple[int, int, int | None], bool] = {}
        self.rests: dict[int, quiet.Hours] = {}

    def aims(self, incident: Incident, notify: list[Any], severity: str, server: int | None = None) -> Aims:
        """Of this incident; whoever is named and may not see it, as they see other servers alone, is left out."""
        team = incident.team_id
        named = json.dumps(notify, sort_keys=True)
        if named not in self.narrowed:
            users = User.objects.filter(uuid__in=_uuids(notify, "person"))
            self.narrowed[named] = [user for user in users if narrow.concerns(user)]
        blind = {user.pk for user in self.narrowed[named] if not people.sees(user, incident, server)}
        key = f"{team} {severity} {sorted(blind)} {named}"
        if key not in self.known:
            self.known[key] = self._named(team, notify, severity, blind) or self._usual(team)
        return self.known[key]

    def may_hear(self, person: int, incident: Incident, server: int | None = None) -> bool:
        """Whoever left, was switched off or sees other servers alone by now is told of nothing new."""
        if person not in self.users:
            self.users[person] = User.objects.filter(pk=person).first()
        user = self.users[person]
        # Whoever sees all servers is looked up once, however many there are.
        key = (person, incident.pk, server if user and narrow.concerns(user) else None)
        if key not in self.hearing:
            may = user is not None and user.may(LOOK, incident.team) and people.sees(user, incident, server)
            self.hearing[key] = may
        return self.hearing[key]

    def awake(self, person: int | None, severity: str) -> datetime:
        """When somebody's quiet hours are over for this; what is for nobody alone has none."""
        if person is None:
            return self.now
        if person not in self.rests:
            chosen = Preference.objects.select_related("user").filter(user=person).first()
            self.rests[person] = chosen.hours() if chosen else quiet.Hours()
        return quiet.earliest(self.rests[person], self.now, severity)

    def _named(self, team: int, notify: list[Any], severity: str, blind: set[int]) -> Aims | None:
        """None where nothing of it is left: a rule whose channels were switched off must not fall silent."""
        channels = Channel.objects.filter(team=team, enabled=True, uuid__in=_uuids(notify, "channel"))
        places = self._places(channels)
        for user in User.objects.filter(uuid__in=_uuids(notify, "person")).exclude(pk__in=blind):
            places += self._ways(user, team, severity)
        chains = Chain.objects.filter(team=team, uuid__in=_uuids(notify, "chain"))
        found = Aims(tuple(places), tuple(chains))
        return found if found.places or found.chains else None

    def _usual(self, team: int) -> Aims:
        """The team's default chain; without one, all of its default channels."""
        chain = Chain.objects.filter(team=team, default=True).first()
        if chain is not None:
            return Aims((), (chain,))
        return Aims(tuple(self._places(Channel.objects.filter(team=team, enabled=True, default=True))))

    def instead(self, incident: Incident, severity: str, server: int | None) -> list[To]:
        """As a step of a chain that finds nobody: the team's default channels, else the people who may see it."""
        team = incident.team_id
        places = self._places(Channel.objects.filter(team=team, enabled=True, default=True))
        users = [] if places else people.callable_for(incident, server)
        return places + [to for user in users for to in self._ways(user, team, severity)]

    def _places(self, channels: Iterable[Channel]) -> list[To]:
        return [To(channel.pk, to, self.now) for channel in channels for to in self._recipients(channel)]

    def _recipients(self, channel: Channel) -> list[str]:
        if channel.pk not in self.of_channel:
            self.of_channel[channel.pk] = people.recipients(channel)
        return self.of_channel[channel.pk]

    def _ways(self, user: User, team: int, severity: str) -> list[To]:
        if not user.may(LOOK, Team(pk=team)):
            return []
        found = people.ways(user, severity, self.now)
        return [To(reach.channel.pk, reach.recipient, reach.due_at, user.pk) for reach in found]


def named(incident: Incident) -> tuple[list[str], list[str]]:
    """Whom what is open of it tells, and the chains it follows, by name: the rules' own targets, else the team's."""
    whom: dict[str, None] = {}
    chains: dict[str, None] = {}
    open_ = incident.alerts.open().exclude(state="pending").exclude(server__demo=True).order_by()
    rules = Rule.objects.filter(pk__in=open_.values("rule")).order_by("pk")[:20]
    for notify in [rule.notify for rule in rules] or [incident.rule.notify if incident.rule else []]:
        found = _targets(incident.team_id, notify)
        whom.update(dict.fromkeys(found[0]))
        chains.update(dict.fromkeys(found[1]))
    return list(whom), list(chains)


def _targets(team: int, notify: list[Any]) -> tuple[list[str], list[str]]:
    mine = Channel.objects.filter(team=team, enabled=True)
    whom = [channel.name for channel in mine.filter(uuid__in=_uuids(notify, "channel"))]
    whom += [str(user) for user in User.objects.filter(uuid__in=_uuids(notify, "person"), is_active=True)]
    chains = list(Chain.objects.filter(team=team, uuid__in=_uuids(notify, "chain")).values_list("name", flat=True))
    if whom or chains:
        return whom, chains
    usual = list(Chain.objects.filter(team=team, default=True).values_list("name", flat=True)[:1])
    return ([] if usual else [channel.name for channel in mine.filter(default=True)]), usual


def _uuids(notify: list[Any], kind: str) -> list[UUID]:
    found = []
    for target in notify:
        try:
            found.append(UUID(target[kind]))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


class Heard:
    """Who was called to which alerts of some incidents: whatever was sent, or may have been."""

    def __init__(self, incidents: Collection[int]) -> None:
        rows = Delivery.objects.filter(notice__incident__in=incidents, notice__kind__in=CALLS)
        rows = rows.exclude(state="dropped", attempts=0)
        self.places: dict[int, dict[Place, int | None]] = {}
        for notice, channel, to, person in rows.order_by("pk").values_list(
            "notice_id", "channel_id", "recipient", "person_id"
        ):
            self.places.setdefault(notice, {})[channel, to] = person
        self.parts: dict[int, dict[str, list[int]]] = {}
        """Of a notice about a whole incident: which alerts of it somebody heard of who sees some servers alone."""
        self.calls: dict[int, list[tuple[int, str]]] = defaultdict(list)
        self.speaking: dict[tuple[int, int | None], list[int]] = defaultdict(list)
        """What was said of an alert of an incident; without an alert, of all of it."""
        told = Notice.objects.filter(pk__in=self.places).order_by("pk")
        for pk, incident, alert, kind, facts in told.values_list("pk", "incident_id", "alert_id", "kind", "facts"):
            self.calls[incident].append((pk, kind))
            self.parts[pk] = facts.get("parts", {})
            for one in _covered(alert, facts):
                self.speaking[incident, one].append(pk)

    def of(self, incident: int, alert: int | None = None, *, by_chain: bool = False) -> dict[Place, int | None]:
        """Those who were called to this alert of it; to any, where none is named."""
        if alert is None:
            notices = [pk for pk, kind in self.calls.get(incident, ()) if not by_chain or kind == "escalated"]
        else:
            notices = sorted(pk for one in (alert, None) for pk in self.speaking.get((incident, one), ()))
        found: dict[Place, int | None] = {}
        for notice in notices:
            part = self.parts[notice] if alert is not None else {}
            places = self.places[notice].items()
            found.update({place: person for place, person in places if alert in part.get(str(person), [alert])})
        return found


def _covered(alert: int | None, facts: dict[str, Any]) -> set[int | None]:
    """The alerts that a message spoke of; none named means all that the incident had."""
    return set(facts["alerts"]) if "alerts" in facts else {facts.get("alert", alert)}


def parts(persons: Iterable[int | None], alerts: Collection[int]) -> dict[str, list[int]]:
    """Which of these alerts each of them is told of who sees some servers alone; nobody else is named."""
    users = User.objects.in_bulk([person for person in persons if person is not None])
    narrowed = {str(pk): user for pk, user in users.items() if narrow.concerns(user)}
    seen = {pk: Alert.objects.visible_to(user).filter(pk__in=alerts) for pk, user in narrowed.items()}
    return {pk: list(mine.values_list("pk", flat=True)) for pk, mine in seen.items()}


def heard_of(incident: Incident) -> list[To]:
    """Whoever was called to it, and may still be told of it."""
    found = Heard([incident.pk]).of(incident.pk)
    book, now = Book(incident.opened_at), incident.opened_at
    rows = [To(channel, to, now, person) for (channel, to), person in found.items()]
    return [to for to in rows if to.person is None or book.may_hear(to.person, incident)]
