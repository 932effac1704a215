"""The change ledger of one server as marks on its charts: restarts, updates, settings, keys, its enrolment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Audit, User
from accounts.services import action_name
from dashboards.told import told
from metrics.store import query
from servers.models import Change, Event, Server

Shown = dict[str, Any]
MOST = 400
NAMED = 3  # what is told by name of what changed together
BACK = 0.5  # an uptime that falls to less than half of itself began anew
POINTS = 300
RESTARTS = ("boot", "reboot", "restart", "started")
KINDS = {"packages": "packages", "updates": "packages", "agent": "agent", "os": "system", "users": "config"}


def marks(user: User, server: Server, start: int, end: int) -> list[Shown]:
    """In order of time; the newest where there are more than can be shown."""
    between = (_time(start), _time(end))
    found = [*_events(server, between), *_changes(server, between), *_acts(user, server, between)]
    if start <= (made := int(server.created_at.timestamp() * 1000)) <= end:
        found.append(_mark(made / 1000, "enrolled", _("Enrolled")))
    found += _restarts(server, start, end, known=[one["at"] for one in found if one["kind"] == "reboot"])
    return sorted(found, key=lambda one: one["at"])[-MOST:]


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _mark(at: float, kind: str, text: str) -> Shown:
    return {"at": at, "kind": kind, "text": text}


def _events(server: Server, between: tuple[datetime, datetime]) -> Iterator[Shown]:
    rows = Event.objects.filter(server=server, at__range=between).order_by("-at", "-pk")[:MOST]
    for row in rows:
        kind = "reboot" if any(word in row.kind for word in RESTARTS) else "key" if "key" in row.kind else "event"
        yield _mark(row.at.timestamp(), kind, told(row.text))


def _changes(server: Server, between: tuple[datetime, datetime]) -> Iterator[Shown]:
    """What changed in one report of one section is one mark."""
    rows = Change.objects.filter(server=server, at__range=between).order_by("-at", "section", "key")[:MOST]
    for (at, section), group in groupby(rows, key=lambda row: (row.at, row.section)):
        listed = list(group)
        if all(row.before is None for row in listed) and section == "os":
            continue  # its first report
        yield _mark(at.timestamp(), KINDS.get(section, "config"), _said(section, listed))


def _said(section: str, rows: list[Change]) -> str:
    if section == "agent" and len(rows) == 1 and rows[0].key == "version":
        return _("Agent %(before)s → %(after)s") % {"before": rows[0].before or "?", "after": rows[0].after or "?"}
    named = ", ".join(_one(row) for row in rows[:NAMED])
    more = "" if len(rows) <= NAMED else _(" and %(n)d more") % {"n": len(rows) - NAMED}
    if KINDS.get(section) == "packages":
        text = ngettext("%(n)d package: %(named)s%(more)s", "%(n)d packages: %(named)s%(more)s", len(rows))
        return text % {"n": len(rows), "named": named, "more": more}
    return _("%(section)s: %(named)s%(more)s") % {
        "section": section.replace("_", " ").capitalize(), "named": named, "more": more,
    }  # fmt: skip


def _one(row: Change) -> str:
    if row.before is None:
        return f"{row.key} {row.after if row.after is not None else ''}".strip()
    if row.after is None:
        return _("%(what)s gone") % {"what": row.key}
    return f"{row.key} {row.before} → {row.after}"


def _acts(user: User, server: Server, between: tuple[datetime, datetime]) -> Iterator[Shown]:
    """What people did to it here: its settings and its keys."""
    rows = Audit.objects.visible_to(user).filter(target_id=str(server.uuid), at__range=between)
    for row in rows.order_by("-at")[:MOST]:
        kind = "key" if "key" in row.action else "config"
        yield _mark(row.at.timestamp(), kind, f"{row.actor} {action_name(row.action)}")


def _restarts(server: Server, start: int, end: int, known: Iterable[float]) -> Iterator[Shown]:
    """Machines do not tell that they start, only since when they run."""
    found = query.series(server.pk, ["uptime_seconds"], query.Range(start, end, POINTS, "min"))
    told = list(known)
    for one in found["series"][:1]:
        before = None
        for at, up in zip(found["t"], one["v"], strict=True):
            if up != up:  # noqa: PLR0124 - NaN
                continue
            began = at - up
            if before is not None and up < before * BACK and all(abs(began - other) > 600 for other in told):
                yield _mark(max(began, start / 1000), "reboot", _("Restarted"))
            before = up
