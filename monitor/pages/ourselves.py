"""What the product knows of itself, as a tired person reads it: each part, whether it works, and what to do."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max
from django.utils.translation import gettext as _

from alerts.models import Delivery
from core.clock import now
from core.models import Cursor, Lease
from dashboards.templatetags.times import age, size
from ingest import writer
from metrics.models import JournalRow
from metrics.store import latest
from monitor import health, selfwatch
from servers.models import Server
from servers.services import own_version

LITTLE_ROOM = 0.10
NO_ROOM = 0.03
LAG_ROWS = 500


@dataclass(frozen=True)
class Part:
    """One part: tone and word of its state, what is known, and what to do where something is wrong."""

    name: str
    tone: str
    text: str
    todo: str = ""

    @property
    def word(self) -> str:
        return {"ok": _("Works"), "warn": _("Look at it"), "crit": _("Fails")}[self.tone]


def parts() -> list[Part]:
    """The worst first; a part that cannot even be asked says so and does not take the others with it."""
    found = [_asked(name, ask) for name, ask in _asks()]
    return sorted(found, key=lambda part: ("crit", "warn", "ok").index(part.tone))


def _asks() -> Iterator[tuple[str, Callable[[], Part]]]:
    yield _("Taking in"), _taking_in
    yield _("Database"), _database
    yield _("Rules"), _rules
    yield _("Telling people"), _telling
    yield _("Schedule"), _schedule
    yield _("Threads"), _threads
    yield _("Disk"), _disk
    yield _("A sample of our own"), _canary


def _asked(name: str, ask: Callable[[], Part]) -> Part:
    try:
        return ask()
    except (DatabaseError, OSError) as error:
        return Part(name, "crit", _("It cannot be asked: %(error)s.") % {"error": error.__class__.__name__}, DOCTOR())


def DOCTOR() -> str:  # noqa: N802 - reads like the constant it would be without translation
    return _("On the hub, run: ./watchkeeper doctor")


def _taking_in() -> Part:
    name, fault, held = _("Taking in"), health.checks()[0]["writer"], writer.running()
    if fault or held is None:
        return Part(name, "crit", _("Reports are not stored: %(fault)s.") % {"fault": fault}, DOCTOR())
    newest = max((row.received for row in tuple(latest.rows.values())), default=None)
    if newest is None:
        return Part(name, "ok", _("Ready. No machine has reported yet."))
    ago = age(now().timestamp() - newest / 1000)
    text = _("%(posts)s reports since the start, the last %(ago)s ago; %(waiting)s wait.")
    return Part(name, "ok", text % {"posts": held.counters.posts, "ago": ago, "waiting": held.waiting.qsize()})


def _database() -> Part:
    name, fault = _("Database"), health.checks()[0]["database"]
    if fault:
        return Part(name, "crit", fault, DOCTOR())
    return Part(name, "ok", _("%(kind)s answers.") % {"kind": _kind()})


def _kind() -> str:
    return "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"


def _rules() -> Part:
    name = _("Rules")
    last = JournalRow.objects.aggregate(last=Max("pk"))["last"] or 0
    behind = max(0, last - Cursor.objects.place("rules"))
    late = selfwatch.overdue_telling(now())
    if late:
        return Part(name, "crit", late, _("Alerts are late. Run ./watchkeeper doctor, then start it again."))
    if behind > LAG_ROWS:
        text = _("%(n)s reports are not judged yet. After a pause this is normal and shrinks.") % {"n": behind}
        return Part(name, "warn", text, _("If it grows, the machine is too slow for its servers."))
    return Part(name, "ok", _("Reports are judged as they come; %(n)s wait.") % {"n": behind})


def _telling() -> Part:
    name, at = _("Telling people"), now()
    fault = selfwatch.no_courier(at) or selfwatch.overdue_delivery(at)
    if fault:
        return Part(name, "crit", fault, DOCTOR())
    waiting = Delivery.objects.filter(state="waiting").count()
    dead = Delivery.objects.filter(state="dead").count()
    text = _("%(waiting)s messages wait, %(dead)s were given up.") % {"waiting": waiting, "dead": dead}
    return Part(name, "warn" if dead else "ok", text, _("The record says which and why: /record/") if dead else "")


def _schedule() -> Part:
    fault = selfwatch.no_schedule(now())
    return Part(
        _("Schedule"), "crit" if fault else "ok", fault or _("Sweeps and clean-up run."), DOCTOR() * bool(fault)
    )


def _threads() -> Part:
    name = _("Threads")
    checks, notes = health.checks()
    known = {"database", "writer"}
    failing = [f"{part}: {fault}" for part, fault in checks.items() if fault and part not in known]
    if failing:
        return Part(
            name, "crit", "; ".join(failing), _("Start Watchkeeper again. Nothing that was taken in is lost.")
        )
    said = "; ".join(f"{part} {note}" for part, note in notes.items())
    return Part(name, "warn" if said else "ok", said or _("%(n)s of them turn.") % {"n": len(checks) - len(known)})


def _disk() -> Part:
    room = shutil.disk_usage(settings.DATA)
    share = room.free / room.total
    text = _("%(free)s of %(total)s free where the data folder is; Watchkeeper holds %(held)s there.")
    said = text % {"free": size(room.free), "total": size(room.total), "held": size(held_bytes())}
    tone = "crit" if share < NO_ROOM else "warn" if share < LITTLE_ROOM else "ok"
    todo = _("Free space, keep less (WATCHKEEPER_DISK_CAP), or move the data folder.")
    return Part(_("Disk"), tone, said, "" if tone == "ok" else todo)


def held_bytes() -> int:
    """Files of the data folder; those that vanish while we look do not count."""
    total = 0
    for file in Path(settings.DATA).rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue
    return total


def _canary() -> Part:
    name = _("A sample of our own")
    perch = Server.objects.filter(internal=True, stands_for="").first()
    newest = latest.get(perch.pk) if perch else None
    if newest is None:
        return Part(name, "ok", _("Sent every half minute from the first minute on; none was sent yet."))
    old = now().timestamp() - newest.received / 1000
    text = _("The last one went the whole road %(age)s ago.") % {"age": age(old)}
    return Part(name, "ok" if old < 120 else "crit", text, "" if old < 120 else DOCTOR())


def leases() -> list[tuple[str, datetime, bool]]:
    """Work that one process at a time does, and until when it is held."""
    at = now()
    return [(lease.name, lease.until, lease.until > at) for lease in Lease.objects.order_by("name")]


def copies() -> list[tuple[str, datetime, int]]:
    """What was copied before an upgrade, the newest first."""
    files = sorted(Path(settings.DATA).glob("**/before-*.sqlite3"), reverse=True)
    return [(file.name, datetime.fromtimestamp(file.stat().st_mtime, UTC), file.stat().st_size) for file in files[:3]]


def versions() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        database = str(cursor.fetchone()[0])
    return [
        (_("Agent handed out"), own_version()),
        (_("Database"), f"{_kind()} {database}"),
        ("Python", platform.python_version()),
        (_("System"), f"{platform.system()} {platform.release()}"),
        (_("Profile"), _("one process") if settings.EMBEDDED else _("several processes")),
        (_("Started by"), Path(sys.argv[0]).name),
    ]
