"""What a message needs from the database, asked in a bounded number of questions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from django.conf import settings
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from accounts.models import User
from alerts.messages.notices import Told
from alerts.messages.said import Said
from alerts.models import Alert, Delivery, Incident, Notice
from alerts.models.seen import for_viewer

SHOWN = 20
KEPT = (("firing", "new"), ("resolved", "resolved"))  # a bundle's events by kind, and where its facts keep them
LANGUAGES = {code.lower() for code, _ in settings.LANGUAGES}


@dataclass(frozen=True)
class Reader:
    language: str = settings.LANGUAGE_CODE
    zone: tzinfo = UTC


@dataclass
class Matter:
    """A notice with its incident and members, the ones it tells first."""

    notice: Notice
    members: list[Alert] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    firing: int = 0

    @property
    def incident(self) -> Incident:
        return self.notice.incident

    @property
    def about(self) -> list[Alert]:
        """What it speaks of: its one alert, what begins by it, what ends, else what fires, else all."""
        if self.notice.alert is not None:
            return [self.notice.alert]
        if self.notice.kind == "digest":
            return []
        told = [one for one in self.told if one.kind == "firing"] or self.told
        return (
            [one.alert for one in told if one.alert is not None]
            or [one for one in self.members if one.resolved_at is None]
            or self.members
        )

    @property
    def subject(self) -> Alert | None:
        """The one alert that fields for one speak of; of several the worst, which come first."""
        return self.about[0] if self.about else None

    @property
    def count(self) -> int:
        """How many alerts it speaks of, those not read included."""
        if self.notice.alert is not None:
            return 1
        return max(self.counts.get("firing") or self.counts.get("resolved") or self.firing, len(self.about))

    @property
    def one_server(self) -> bool:
        return len({alert.server_id for alert in self.about}) == 1 and self.count <= len(self.about)

    def spoken(self, reader: Reader) -> Told:
        """Made into words: to be called under the reader's language."""
        alert = self.notice.alert
        if alert is not None:
            said = [event(self.notice)]
            ended = self.notice.kind == "resolved"
            new, over = ([], said) if ended else (said, [])
        else:
            new = [event(one) for one in self.told if one.kind == "firing"]
            over = [event(one) for one in self.told if one.kind == "resolved"]
        open_ = [one for one in self.members if one.resolved_at is None]
        return Told(
            self.notice, new, over, [Said.of(one) for one in open_], self.firing,
            (self.counts.get("firing", len(new)), self.counts.get("resolved", len(over))), reader.zone,
        )  # fmt: skip


def whole(notice: int) -> Notice:
    """A notice with all that hangs on it, in one question."""
    return _wholes().get(pk=notice)


def wholes(notices: Collection[int]) -> dict[int, Notice]:
    return _wholes().in_bulk(notices)


def _wholes() -> QuerySet[Notice]:
    rows = Notice.objects.select_related("incident__acknowledged_by", "incident__team", "by", "alert__rule")
    return rows.select_related("alert__server", "alert__series")


def matter(notice: Notice) -> Matter:
    """Three questions at most, whatever the size of the group."""
    found = Matter(notice)
    # Of what is simulated no message speaks, whatever an incident from before holds.
    chosen = notice.incident.seen_alerts().exclude(state="pending").exclude(server__demo=True)
    chosen = chosen.select_related("rule", "server", "series")
    mine = Notice.objects.filter(alert=OuterRef("pk")).filter(Q(told_in=notice) | Q(pk=notice.pk))
    ranked = chosen.annotate(
        mine=Case(When(Exists(mine), then=Value(0)), default=Value(1), output_field=IntegerField()),
        over=Case(When(resolved_at=None, then=Value(0)), default=Value(1), output_field=IntegerField()),
        mild=Case(When(severity="critical", then=Value(0)), default=Value(1), output_field=IntegerField()),
    )
    found.members = list(ranked.order_by("mine", "over", "mild", "-since", "pk")[:SHOWN])
    open_ = [one for one in found.members if one.resolved_at is None]
    full = len(found.members) == SHOWN
    found.firing = chosen.filter(resolved_at=None).count() if full else len(open_)
    return bundle(found)


def part(notice: int, user: User) -> Matter:
    """What somebody may read of it who sees some servers alone: nothing of the others stands in it."""
    row = whole(notice)
    for_viewer([row.incident], user)
    if row.alert_id is None and row.kind not in {"firing", "resolved"}:
        # They are of the worst of all; a bundle was made of what is for this reader.
        row.facts = {name: value for name, value in row.facts.items() if name not in {"value", "limit"}}
    return matter(row)


def bundle(found: Matter) -> Matter:
    """What it remembers of each event, if it tells several; an event may be told in several, to different people."""
    if found.notice.alert_id is not None or found.notice.kind not in {"firing", "resolved"}:
        return found
    facts = found.notice.facts or {}
    kept = [(kind, one) for kind, name in KEPT for one in facts.get(name, [])]
    events = [(kind, one) for kind, one in kept if isinstance(one, dict) and "alert" in one]
    alerts = _alerts([one["alert"] for _, one in events])
    found.told = [
        Notice(incident=found.incident, alert=alerts[one["alert"]], kind=kind, at=found.notice.at, facts=one)
        for kind, one in events if one["alert"] in alerts
    ]  # fmt: skip
    for kind, name in KEPT:
        found.counts[kind] = facts.get(f"{name}_count") or sum(one.kind == kind for one in found.told)
    return found


def _alerts(wanted: list[int]) -> dict[int, Alert]:
    return Alert.objects.select_related("rule", "server", "series").in_bulk(wanted[: 2 * SHOWN])


def event(notice: Notice) -> Said:
    """The one alert of a notice, as it was then."""
    alert, facts = notice.alert, notice.facts or {}
    assert alert is not None  # noqa: S101 - chosen so
    lasted = notice.at.timestamp() - alert.since / 1000
    return Said.of(
        alert, facts.get("value"), facts.get("limit"), severity=facts.get("severity", alert.severity),
        lasted=lasted if notice.kind == "resolved" else None, left=facts.get("left"),
    )  # fmt: skip


def folded(digest: Delivery) -> list[Notice]:
    """The first of what a digest stands for."""
    told = Delivery.objects.filter(folded_in=digest).order_by("pk")
    read = told.select_related("notice__alert__rule", "notice__alert__server", "notice__alert__series")
    return [one.notice for one in read[:SHOWN]]


def whose(delivery: Delivery) -> User | None:
    """The one person who reads it, if it is for one."""
    person = delivery.person_id or delivery.channel.owner_id
    return User.objects.filter(pk=person).first() if person else None


def reader(delivery: Delivery, user: User | None) -> Reader:
    """The person's own language and zone; else the channel's language; else the product's."""
    language = (user.language if user else "") or delivery.channel.language
    return Reader(known(language), user.clock if user else UTC)


def known(language: str) -> str:
    """A language we speak: `pt-BR` and `pt` are `pt-br`; what we do not speak is the product's own."""
    code = language.replace("_", "-").lower()
    if code in LANGUAGES:
        return code
    near = (one for one in sorted(LANGUAGES) if code and one.partition("-")[0] == code.partition("-")[0])
    return next(near, settings.LANGUAGE_CODE)
