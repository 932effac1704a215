"""What one transaction changes of alerts, incidents and notices: read at once, written at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from alerts import grouping, messages
from alerts.engine import Track
from alerts.grouping import Timers
from alerts.models import Alert, Incident, Notice, Rule
from alerts.services import seen
from core import runner
from core.locking import locked
from metrics.models import Series
from servers.models import Server

log = logging.getLogger(__name__)

Key = tuple[int, int, int]  # rule, server, series
PUSHED = 200  # explained ones that pages hear of at once; of more they ask themselves


def timers(rule: Rule | None) -> Timers:
    if rule is None:
        return Timers()
    return grouping.timers(rule.group_wait, rule.group_interval, rule.repeat_intervals)


def by_of(rule: Rule) -> list[str]:
    return grouping.parts(rule.group_by, timers(rule))


def is_down(rule: Rule) -> bool:
    """The rule "server down": silence of the server itself, not of one of its series."""
    return rule.kind == "no_data" and not rule.metric


def lock(chosen: QuerySet[Incident]) -> list[int]:
    """Hold these in the order in which everybody does, so that no two wait for each other."""
    rows = locked(chosen).order_by("pk")
    return [incident.pk for incident in rows]


def freed_by(incident: Incident) -> QuerySet[Incident]:
    """What is told again once this one ends: the troubles of the servers that it calls down."""
    down = incident.alerts.open().filter(rule__kind="no_data", rule__metric="")
    return _bad_on(down.values("server"))


def _bad_on(servers: Any) -> QuerySet[Incident]:
    """Incidents of these servers that are open, or whose news wait."""
    waiting = Notice.objects.untold().filter(alert__server__in=servers)
    bad = Alert.objects.open().filter(server__in=servers).exclude(incident=None)
    return Incident.objects.filter(Q(pk__in=waiting.values("incident")) | Q(pk__in=bad.values("incident")))


class Open(NamedTuple):
    """What a title says of one alert."""

    severity: str
    server: str
    rule: str
    check: bool = False
    """Its server stands for a check."""


@dataclass(eq=False)
class Group:
    """An incident and the alerts that are open in it."""

    incident: Incident
    fresh: bool = False
    open: dict[Key, Open] = field(default_factory=dict)
    by: list[str] | None = None  # what groups it, where somebody joined or left
    fewer: bool = False  # somebody left
    worst: str = ""  # the sentence of what made it critical
    said: dict[str, Any] = field(default_factory=dict)  # and what it tells

    def level(self) -> None:
        """An incident is as bad as its worst open alert. Once for all that moved: a storm has thousands."""
        if self.open:
            levels = {one.severity for one in self.open.values()}
            self.incident.severity = "critical" if "critical" in levels else "warn"

    def entitle(self, say: Callable[[Key], tuple[str, dict[str, Any]]]) -> None:
        """The title says what is true now: how many there are, or the sentence of the one that is left."""
        if self.by is None or not self.open:
            return
        if self.fewer and not self.worst and len({key[:2] for key in self.open}) == 1:
            self.worst, self.said = say(next(iter(self.open)))
        servers = list(dict.fromkeys(one.server for one in self.open.values()))
        rules = list(dict.fromkeys(one.rule for one in self.open.values()))
        checks = all(one.check for one in self.open.values())
        if self.worst or len(servers) > 1 or len(rules) > 1:
            self.incident.title = grouping.title(self.worst, rules, servers, self.by, checks=checks)
            self.incident.said = grouping.kept(self.said, rules, servers, self.by, checks=checks)


def opened(alert: Alert, severity: str) -> Open:
    return Open(severity, alert.server.name, alert.rule.name, bool(alert.server.stands_for))


class Work:
    """Locks incidents first and alerts after them, as everybody does."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.rules: dict[int, Rule] = {}
        self.servers: dict[int, Server] = {}
        self.series: dict[int, Series] = {}
        self.alerts: dict[Key, Alert] = {}
        self.groups: dict[int, Group] = {}
        self.by_key: dict[str, Group] = {}
        self.owners: dict[int, Group] = {}  # by the identity of their incident
        self.touched: dict[Group, None] = {}
        self.changed: dict[Alert, None] = {}
        self.made: dict[int, Alert] = {}  # by identity: a row that is not written yet has no hash
        self.gone: list[Alert] = []
        self.notices: list[Notice] = []
        self.up_again: set[int] = set()
        self.went_down: dict[int, Group] = {}

    # Reading

    def read(self, keys: Collection[Key]) -> None:
        """Everything that these series may touch."""
        self.rules = Rule.objects.select_related("team").in_bulk({key[0] for key in keys})
        self.servers = Server.objects.in_bulk({key[1] for key in keys})
        self.series = Series.objects.in_bulk({key[2] for key in keys})
        chosen = Alert.objects.open().filter(
            rule__in=self.rules, server__in=self.servers, series__in=self.series
        )  # of one look at the journal few rules meet many servers: little is read that is not meant
        wanted = set(keys)
        known = {pk: incident for pk, incident, *key in chosen.values_list(
            "pk", "incident_id", "rule_id", "server_id", "series_id"
        ) if tuple(key) in wanted}  # fmt: skip
        groups = {
            self._key(rule, server) for rule, server, _ in keys if rule in self.rules and server in self.servers
        }
        self._lock_explained(keys, {pk for pk in known.values() if pk}, groups)
        self._lock({pk for pk in known.values() if pk}, groups)
        for alert in locked(Alert.objects.open().filter(pk__in=known)):
            self._hold(alert)

    def adopt(self, alerts: Iterable[Alert]) -> None:
        """Alerts that somebody holds already."""
        alerts = list(alerts)
        for alert in alerts:
            self.rules[alert.rule_id] = alert.rule
            self.servers[alert.server_id] = alert.server
            self.series[alert.series_id] = alert.series
        keys = {self._key(alert.rule_id, alert.server_id) for alert in alerts if alert.incident_id is None}
        self._lock({alert.incident_id for alert in alerts if alert.incident_id}, keys)
        for alert in alerts:
            self._hold(alert)

    def _hold(self, alert: Alert) -> None:
        key = (alert.rule_id, alert.server_id, alert.series_id)
        alert.rule, alert.server, alert.series = self.rules[key[0]], self.servers[key[1]], self.series[key[2]]
        if alert.incident_id in self.groups:
            alert.incident = self.groups[alert.incident_id].incident
        self.alerts[key] = alert

    def _key(self, rule: int, server: int) -> str:
        one, where = self.rules[rule], self.servers[server]
        return grouping.key(one.pk, one.team_id, where.pk, where.words(), by_of(one), demo=where.demo)

    def _lock_explained(self, keys: Collection[Key], pks: set[int], groups: set[str]) -> None:
        """Where servers go down or come back: what that explains or frees too, all of it in the one order."""
        downs = {key[1] for key in keys if key[0] in self.rules and is_down(self.rules[key[0]])}
        if downs:
            lock(Incident.objects.filter(self._meant(pks, groups) | Q(pk__in=_bad_on(downs))))

    def _meant(self, pks: set[int], keys: set[str]) -> Q:
        """The open ones, and those that ended and whose end waits for its tick: they go on if it is bad again."""
        return Q(pk__in=pks) | Q(Q(resolved_at=None) | Q(next_at__gt=self.now), key__in=keys)

    def _lock(self, pks: set[int], keys: set[str]) -> None:
        chosen = Incident.objects.filter(self._meant(pks, keys)).order_by("pk")
        for incident in locked(chosen):
            group = self.groups[incident.pk] = self.owners[id(incident)] = Group(incident)
            known = self.by_key.get(incident.key)
            if incident.key in keys and (known is None or incident.resolved_at is None):
                self.by_key[incident.key] = group
        shown = Alert.objects.open().filter(incident__in=self.groups).exclude(state="pending")
        for pk, rule, server, series, *rest in shown.order_by("pk").values_list(
            "incident_id", "rule_id", "server_id", "series_id", "severity", "server__name", "rule__name",
            "server__stands_for",
        ):  # fmt: skip
            self.groups[pk].open[rule, server, series] = Open(rest[0], rest[1], rest[2], bool(rest[3]))

    # Changing

    def known(self, key: Key) -> Alert:
        try:
            return self.alerts[key]
        except KeyError as missing:
            raise Alert.DoesNotExist from missing

    def open(self, key: Key, track: Track, severity: str, limit: float) -> Alert:
        """The first bad sample; one that is open already stays."""
        if key not in self.alerts:
            rule, server, series = self.rules.get(key[0]), self.servers.get(key[1]), self.series.get(key[2])
            if rule is None or server is None or series is None:
                raise Alert.DoesNotExist  # removed meanwhile
            alert = Alert(
                rule=rule, server=server, series=series, severity=severity, value=track.value, limit=limit,
                since=track.since, judged=track.judged,
            )  # fmt: skip
            self.alerts[key] = alert
            self.made[id(alert)] = alert
        return self.alerts[key]

    def fire(self, alert: Alert, track: Track, severity: str, limit: float) -> None:
        self._remember(alert, track, severity, limit)
        alert.transition += 1
        text = messages.sentence(alert, alert.value, alert.limit)
        joins = alert.incident is None
        group = self._group(alert) if joins else self._of(alert)
        incident = group.incident
        before = "" if group.fresh and not group.open else incident.severity
        group.open[_key_of(alert)] = opened(alert, severity)
        worse = severity == "critical" and before != "critical"
        if joins or worse:
            group.by = by_of(alert.rule)
        if worse:
            incident.severity, group.worst, group.said = severity, messages.heading(alert), messages.kept(alert)
        if is_down(alert.rule):
            self.went_down[alert.server_id] = group
        self._tell(group, alert, "firing", text)
        self._call(group, alert, severity, worse=worse)

    def keep(self, alert: Alert, track: Track, severity: str, limit: float) -> None:
        self._remember(alert, track, severity, limit)
        if alert.incident:
            group = self._of(alert)
            before = group.open.get(_key_of(alert))
            if before is not None and before.severity != severity:  # another limit counts, and the title names it
                group.by, group.fewer = by_of(alert.rule), True
            group.open[_key_of(alert)] = opened(alert, severity)
            self.touched[group] = None

    def resolve(self, alert: Alert, track: Track, text: str = "") -> None:
        key = _key_of(alert)
        self.alerts.pop(key, None)
        if is_down(alert.rule):
            self.up_again.add(alert.server_id)
        if alert.state == "pending":
            self._drop(alert)
            return
        alert.state, alert.judged, alert.value, alert.resolved_at = "resolved", track.judged, track.value, self.now
        alert.transition += 1
        self._change(alert)
        if alert.incident is None:
            return
        group = self._of(alert)
        group.open.pop(key, None)
        group.by, group.fewer = by_of(alert.rule), True
        self._tell(group, alert, "resolved", text or messages.good_sentence(alert, track.value))
        incident = group.incident
        if not group.open:
            incident.resolved_at = self.now
        if incident.told_at or incident.next_at is None:
            incident.next_at = self._tick(incident, timers(alert.rule))

    def _remember(self, alert: Alert, track: Track, severity: str, limit: float) -> None:
        alert.state, alert.severity, alert.limit = track.state, severity, limit
        alert.value, alert.judged, alert.good_since = track.value, track.judged, track.good_since
        self._change(alert)

    def _change(self, alert: Alert) -> None:
        if id(alert) not in self.made:
            self.changed[alert] = None

    def _drop(self, alert: Alert) -> None:
        if self.made.pop(id(alert), None) is None:
            self.changed.pop(alert, None)
            self.gone.append(alert)

    def _of(self, alert: Alert) -> Group:
        return self.owners[id(alert.incident)]

    def _group(self, alert: Alert) -> Group:
        key = self._key(alert.rule_id, alert.server_id)
        group = self.by_key.get(key)
        if group is None or self._over(group, alert.rule):
            incident = Incident(
                team=alert.rule.team, key=key, title=messages.heading(alert)[:300], severity=alert.severity,
                opened_at=self.now, rule=alert.rule, said=messages.kept(alert),
            )  # fmt: skip
            group = self.by_key[key] = self.owners[id(incident)] = Group(incident, fresh=True)
        group.incident.resolved_at = None
        alert.incident = group.incident
        return group

    def _over(self, group: Group, rule: Rule) -> bool:
        """It ended, and its end is told by now or at once: what comes is another trouble."""
        incident = group.incident
        if incident.resolved_at is None:
            return False
        return timers(rule).at_once or incident.next_at is None or incident.next_at <= self.now

    def _tell(self, group: Group, alert: Alert, kind: str, text: str) -> None:
        facts = {
            "value": alert.value, "limit": alert.limit, "severity": alert.severity,
            "server": alert.server.name, "rule": alert.rule.name, "metric": alert.series.metric,
            "labels": alert.labels,
        }  # fmt: skip
        notice = Notice(
            incident=group.incident, alert=alert, kind=kind, transition=alert.transition, at=self.now,
            text=text[:400], facts=facts,
        )  # fmt: skip
        self.notices.append(notice)
        self.touched[group] = None

    def _call(self, group: Group, alert: Alert, severity: str, *, worse: bool) -> None:
        """When the group is told: after its wait; later members at its tick; the first critical one at once."""
        incident, pace = group.incident, timers(alert.rule)
        if incident.told_at is None:
            first = self.now + pace.waits(severity)
            incident.next_at = min(incident.next_at or first, first)
        elif worse and not pace.waits(severity) and not _told_critical(incident):
            incident.next_at = self.now
        else:
            incident.next_at = self._tick(incident, pace)

    def _tick(self, incident: Incident, pace: Timers) -> datetime:
        """The next tick that was not done yet."""
        tick = pace.tick(incident.next_at, self.now)
        return pace.next(tick, self.now) if pace.interval and tick == incident.told_at else tick

    # Writing

    def save(self) -> None:
        """What is before what names it: incidents, alerts, notices; and what ends before what takes its place."""
        self._save_incidents()
        Alert.objects.filter(pk__in=[alert.pk for alert in self.gone]).delete()
        upsert(Alert, list(self.changed), _ALERT)
        Alert.objects.bulk_create(self.made.values())
        for notice in self.notices:
            assert notice.alert is not None  # noqa: S101 - made above
            notice.facts["alert"] = notice.alert.pk
        Notice.objects.bulk_create(self.notices)
        if self.up_again:
            self._release()
        for server, group in self.went_down.items():
            self._explain(server, group.incident)
        transaction.on_commit(self._committed)

    def _save_incidents(self) -> None:
        for group in self.touched:
            group.level()
            group.entitle(self._sentence)
        fresh = [group.incident for group in self.touched if group.incident.pk is None]
        upsert(Incident, [group.incident for group in self.touched if group.incident.pk], _INCIDENT)
        Incident.objects.bulk_create(fresh)

    def _sentence(self, key: Key) -> tuple[str, dict[str, Any]]:
        """What one alert says by itself."""
        alert = self.alerts.get(key)
        if alert is None:
            rule, server, series = key
            mine = Alert.objects.open().filter(rule=rule, server=server, series=series)
            alert = mine.select_related("rule", "server", "series").first()
        return (messages.heading(alert), messages.kept(alert)) if alert else ("", {})

    def _release(self) -> None:
        """A server is heard again: what its silence held is told after its group's wait, if it is still bad."""
        held = Notice.objects.untold().filter(alert__server__in=self.up_again)
        incidents = Incident.objects.filter(pk__in=held.values("incident")).select_related("rule")
        for incident in locked(incidents).order_by("pk"):
            incident.next_at = self.now + timers(incident.rule).waits(incident.severity)
            incident.parent = None
            incident.save(update_fields=["next_at", "parent"])
            transaction.on_commit(partial(seen.told, incident))

    def _explain(self, server: int, down: Incident) -> None:
        """What else is bad of this server, and of no other, is a child of its being down."""
        others = Alert.objects.open().filter(incident=OuterRef("pk")).exclude(server=server)
        mine = Alert.objects.open().filter(server=server).exclude(incident=None).values("incident")
        alone = lock(Incident.objects.open().filter(~Exists(others), pk__in=mine).exclude(pk=down.pk))
        Incident.objects.filter(pk__in=alone).update(parent=down)
        for incident in Incident.objects.filter(pk__in=alone[:PUSHED]):
            transaction.on_commit(partial(seen.told, incident))

    def _committed(self) -> None:
        from alerts.services import telling  # noqa: PLC0415 - it tells what this writes

        incidents = [group.incident for group in self.touched]
        for incident in incidents:
            seen.told(incident)
        due = [incident.pk for incident in incidents if incident.next_at and incident.next_at <= self.now]
        if due:
            telling.at_once(due, self.now)
        if len(due) < len(incidents) or self.up_again:
            runner.wake("telling")


def _key_of(alert: Alert) -> Key:
    return alert.rule_id, alert.server_id, alert.series_id


def _told_critical(incident: Incident) -> bool:
    told = Notice.objects.filter(incident=incident, kind="firing", facts__severity="critical", held="")
    return incident.pk is not None and told.exclude(told_at=None).exists()


_ALERT = [
    "incident", "state", "severity", "value", "limit", "good_since", "judged", "transition", "resolved_at",
]  # fmt: skip
_INCIDENT = ["title", "said", "severity", "resolved_at", "next_at"]


def upsert(model: Any, rows: list[Any], fields: list[str]) -> None:
    """Many rows changed in one statement; `bulk_update` spells each value as a case and costs five times as much."""
    if rows:
        model.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=fields)
