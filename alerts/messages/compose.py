"""A delivery as a message: what is said and shown, in the language and the zone of whoever reads it."""

from __future__ import annotations

import time
from datetime import timedelta, tzinfo
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.base import narrow
from accounts.models import User
from alerts import outlook
from alerts.channels.base import Line, Message, channels
from alerts.messages import coming, figures, group, history, labels, picture, short, wording
from alerts.messages.advice import todo
from alerts.messages.moments import moment
from alerts.messages.notices import Told, say
from alerts.messages.plain import cut, line, paragraph, word
from alerts.messages.read import SHOWN, Matter, Reader, event, folded, known, matter, part, reader, whole, whose
from alerts.messages.said import Said
from alerts.models import Alert, Channel, Delivery, Incident, Notice
from alerts.services import answering_links
from checks import services as checks
from core.clock import from_milliseconds
from core.registry import Unknown
from metrics.store import duration
from ml.services import said as unusual

CALLS = {"firing", "repeat", "reminder", "escalated", "unacknowledged"}
LATER = (CALLS - {"firing"}) | {"acknowledged"}
ROOM_TO_ANSWER = 24  # of a text message, for the words that acknowledge
FILLING = {"disk_used_percent", "disk_inodes_used_percent", "swap_used_percent"}
PROGRAMS = {"webhook"}  # they read fields, not words
SUBJECT = 150
LONGEST = 600
RUNBOOK = 1000
NAMED = 5


def link(incident: Incident) -> str:
    return f"{settings.SITE_URL}/incidents/{incident.uuid}/"


def compose(delivery: Delivery, *, chart: bool | None = None, found: Matter | None = None) -> Message:
    """The message of a delivery; the same at every try, but for members and what is stored meanwhile.

    `found` is what was read for it together with others.
    """
    user = whose(delivery)
    if user is not None and narrow.concerns(user):
        found = part(delivery.notice_id, user)
    found = found or matter(whole(delivery.notice_id))
    delivery.notice, reads = found.notice, reader(delivery, user)
    program = delivery.channel.kind in PROGRAMS
    if not program:
        _foresee(found)
        _freshen(found)
    with translation.override(reads.language):
        made = _fields(delivery, found, found.spoken(reads))
        if program:
            return made
        made.language = reads.language
        _written(made, delivery, found, reads)
        if found.one_server:
            _about(made, found, reads)
            if _wants_chart(delivery.channel.kind) if chart is None else chart:
                _drawn(made, found, reads)
    return made


def _foresee(found: Matter) -> None:
    """How long a disk that fills up has left: a look back that programs need not wait for."""
    notice, alert = found.notice, found.notice.alert
    if alert is None or notice.kind != "firing" or alert.rule.kind != "threshold" or "left" in notice.facts:
        return
    if alert.series.metric in FILLING:
        at = round(notice.at.timestamp() * 1000)
        left = outlook.until_full(alert.server_id, alert.series_id, alert.series.metric, alert.labels, at)
        notice.facts = {**notice.facts, "left": left}


def _freshen(found: Matter) -> None:
    """Of a trouble that was told before what it is now: an alert remembers the value at which it changed."""
    notice, alert = found.notice, found.subject
    if notice.kind not in LATER or alert is None or not found.one_server or alert.state != "firing":
        return
    if alert.rule.kind != "threshold" or alert.rule.params.get("per"):
        return
    value = figures.last(alert, round(notice.at.timestamp() * 1000))
    if value is not None and (value < alert.limit if alert.rule.op == "below" else value > alert.limit):
        alert.value = value
        notice.facts = {**(notice.facts or {}), "value": value}


def _fields(delivery: Delivery, found: Matter, told: Told) -> Message:
    """What the contract names; for a program these are all."""
    notice, incident, alert = found.notice, found.incident, found.subject
    facts = notice.facts or {}
    own = notice.alert_id is not None
    made = Message(
        event=notice.kind,
        key=delivery.key,
        incident=str(incident.uuid),
        severity=facts.get("severity", incident.severity),
        rule=alert.rule.name if alert else "",
        server=_server(alert),
        metric=alert.series.metric if alert else "",
        labels=alert.labels if alert else {},
        value=facts.get("value") if own or alert is None else facts.get("value", alert.value),
        limit=facts.get("limit") if own or alert is None else facts.get("limit", alert.limit),
        since=(alert.since / 1000) if alert else incident.opened_at.timestamp(),
        at=notice.at.timestamp(),
        summary=cut(_why(notice, say(told)), LONGEST),
        url=link(incident),
        members=[_member(one) for one in found.members],
        ended=incident.resolved_at is not None,
    )
    if notice.kind == "digest":
        made.new, made.url = _folded(delivery, found, told), f"{settings.SITE_URL}/alerts/"
        made.since = float(facts.get("since") or made.since)
    elif not own:
        made.new, made.over = _listed(told)
    return made


def _why(notice: Notice, said: str) -> str:
    """Of a check that is down also what was found, and where."""
    alert = notice.alert
    if alert is None or notice.kind != "firing" or alert.series.metric != "check_up":
        return said
    why = line(checks.why(alert.server_id, alert.labels))
    return f"{said} {why}" if why else said


def _folded(delivery: Delivery, found: Matter, told: Told) -> list[str]:
    """What a digest holds: each in the reader's language where it was one alert's, else as it was written."""
    facts, viewer = told.facts, found.incident.viewer
    lines = [_sentence(one, viewer, told.zone) for one in folded(delivery)]
    lines = lines or [line(text) for text in facts.get("lines", [])[:SHOWN]]
    return _more(lines, max(int(facts.get("count") or 0), len(lines)))


def _sentence(notice: Notice, viewer: User | None, zone: tzinfo) -> str:
    if notice.alert is None or notice.kind not in {"firing", "resolved"}:
        # It was written for whoever sees all of it.
        return say(part(notice.pk, viewer).spoken(Reader(zone=zone))) if viewer else line(notice.text)
    one = event(notice)
    return wording.resolved(one) if notice.kind == "resolved" else wording.firing(one)


def _listed(told: Told) -> tuple[list[str], list[str]]:
    """A line for each member of a group."""
    if len(told.new) + len(told.over) < 2:
        return [], []
    new = _more([wording.firing(one) for one in told.new], told.counts[0])
    return new, _more([wording.resolved(one) for one in told.over], told.counts[1])


def _more(lines: list[str], count: int) -> list[str]:
    if count <= len(lines):
        return lines
    more = count - len(lines)
    return [*lines, ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more}]


def _written(made: Message, delivery: Delivery, found: Matter, reads: Reader) -> None:
    """What people read on every channel: title, short form, headings, facts, what to do."""
    made.words = labels.words()
    made.title = _title(made, found)
    room = short.MOST - ROOM_TO_ANSWER if delivery.channel.kind == "sms" and made.event in CALLS else short.MOST
    address = f"{settings.SITE_URL}/i/{found.incident.pk}" if made.url == link(found.incident) else made.url
    made.short = short.fit(f"{labels.mark(made.event, made.severity)}: {made.summary}", address, room)
    made.details = _details(made, found, reads)
    if found.subject is not None and made.event != "resolved":
        made.todo = paragraph(todo(found.subject.rule, made.metric, made.labels), RUNBOOK)
    made.told = _also(delivery)
    if delivery.person and made.event in CALLS and (made.event == "reminder" or not found.incident.acknowledged_at):
        made.answer_url = answering_links.link(found.incident, delivery.person)


def _title(made: Message, found: Matter) -> str:
    """A subject: how bad, where, what; one line, whatever anybody is called."""
    mark = labels.mark(made.event, made.severity)
    servers = list(dict.fromkeys(word(one.server.name) for one in found.about))
    if made.event == "digest":
        count = (found.notice.facts or {}).get("count", 0)
        text = ngettext("%(count)d message", "%(count)d messages", count) % {"count": count}
        if made.severity == "critical":
            text = _("%(messages)s, some of them critical") % {"messages": text}
        return f"[{mark}] {text}"
    if not servers:
        text = made.summary if made.event in {"firing", "resolved"} else found.incident.title
        return line(f"[{mark}] {text.removesuffix('.')}", SUBJECT)
    rules = group.names(list(dict.fromkeys(word(one.rule.name) for one in found.about)), 0)
    if found.one_server:
        return line(f"[{mark}] {servers[0]}: {rules}", SUBJECT)
    count = found.count if found.count > len(found.about) else len(servers)
    checks_alone = all(one.server.stands_for for one in found.about)
    return line(f"[{mark}] {group.counted(rules, count, checks=checks_alone)}", SUBJECT)


def _details(made: Message, found: Matter, reads: Reader) -> list[Line]:
    alert = found.subject
    opened = from_milliseconds(round(made.since * 1000))
    rows = []
    if alert is not None and found.one_server:
        said = found.spoken(reads)
        one = next(iter([*said.new, *said.over, *said.firing]), None)
        rows = [
            Line(_("Check") if alert.server.stands_for else _("Server"), word(alert.server.name, 120)),
            Line(_("Rule"), word(alert.rule.name, 120)),
            *(_numbers(made, one) if one else ()),
        ]
        if alert.rule.kind == "anomaly" and made.event != "resolved":
            rows.append(Line(_("What is unusual"), paragraph(unusual.of_server(alert.server_id), LONGEST)))
        rows.append(Line(_("Check"), checks.page(alert.server_id, alert.labels)))
    rows.append(Line(_("Since"), moment(opened, reads.zone)))
    if made.event == "resolved":
        rows.append(Line(_("Lasted"), duration(made.at - made.since)))
    rows.append(Line(_("Time of message"), moment(found.notice.at, reads.zone)))
    if made.event in CALLS:
        rows.append(Line(_("Called next"), coming.call(found.incident, reads.zone)))
    return [one for one in rows if one.text]


def _numbers(made: Message, one: Said) -> list[Line]:
    """What was measured and what it may be, where that says more than the sentence."""
    over = made.event == "resolved" and one.kind == "no_data"  # a silence of 0 s
    limit = "" if wording.counted(one) else wording.value(one, made.limit)
    return [Line(_("Value"), "" if over else wording.measured(one, made.value), _rank(made)), Line(_("Limit"), limit)]


def _rank(made: Message) -> str:
    return "ok" if made.event == "resolved" else made.severity


def _also(delivery: Delivery) -> str:
    """Who else hears this, so that people need not ask each other; a person by name, a team's channel by its own."""
    others = Delivery.objects.filter(notice=delivery.notice_id).exclude(pk=delivery.pk).exclude(state="dropped")
    rows = others.select_related("channel__owner", "person").order_by("pk")[: 4 * NAMED]
    names = [word(row.whom or row.channel.name) for row in rows]
    mine = word(delivery.whom or delivery.channel.name)
    told = [name for name in dict.fromkeys(names) if name != mine]
    if len(told) > NAMED:
        more = len(told) - NAMED
        return _("%(names)s and others") % {"names": ", ".join(told[:NAMED]), "count": more}
    return ", ".join(told)


def _about(made: Message, found: Matter, reads: Reader) -> None:
    """The server at that moment, and what happened on it before."""
    alert = found.subject
    assert alert is not None  # noqa: S101 - asked by one_server
    at = round(made.at * 1000)
    values = figures.newest(alert.server_id, at) or figures.newest(alert.server_id, alert.judged)
    made.lines = figures.lines(values, alert.server_id, made.labels.get("mount", ""))
    if made.event != "resolved":
        if alert.rule.kind == "no_data" and not alert.rule.metric:
            made.words["now"] = _("The server when it was last heard")
        made.processes = figures.processes(values)
        since = max(from_milliseconds(alert.since), found.notice.at - timedelta(days=1))
        made.changes = history.changes(alert.server_id, since, found.notice.at, reads.zone)


def _drawn(made: Message, found: Matter, reads: Reader) -> None:
    alert = found.subject
    assert alert is not None  # noqa: S101 - asked by one_server
    made.chart = picture.last_hour(alert, made.limit, round(made.at * 1000), reads.zone)


def _wants_chart(kind: str) -> bool:
    try:
        return bool(getattr(channels.get(kind), "wants_chart", False))
    except Unknown:
        return False


def _server(alert: Alert | None) -> dict[str, Any]:
    if alert is None:
        return {}
    found = {"id": str(alert.server.uuid), "name": alert.server.name, "tags": alert.server.tags}
    page = checks.page_of(alert.server)
    return {**found, "check": f"{settings.SITE_URL}{page}"} if page else found


def _member(alert: Alert) -> dict[str, Any]:
    return {
        "server": _server(alert),
        "rule": alert.rule.name,
        "metric": alert.series.metric,
        "labels": alert.labels,
        "severity": alert.severity,
        "state": "resolved" if alert.resolved_at else "firing",
        "value": alert.value,
    }


def test_message(channel: Channel) -> Message:
    """What a channel's test sends: the same form, about nothing."""
    at = time.time()
    language = known(channel.language)
    with translation.override(language):
        text = _("Test of the channel “%(name)s”. Nothing is wrong.") % {"name": word(channel.name)}
        return Message(
            event="test", key=str(uuid4()), incident="", severity="warn", rule="", server={}, metric="", labels={},
            value=None, limit=None, since=at, at=at, summary=text, url=settings.SITE_URL, members=[],
            language=language, title=f"[{labels.mark('test', '')}] Watchkeeper", short=short.fit(text),
            words=labels.words(),
        )  # fmt: skip
