"""Make one report: read, judge, write down, and say how far it is."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core import zones
from core.clock import now
from reports import bounds, saying, scope
from reports.document import Document
from reports.kinds import Asked, Cancelled, kinds
from reports.models import CANCELLED, DONE, FAILED, RUNNING, WAITING, Run
from reports.periods import Period
from reports.services import files

log = logging.getLogger(__name__)

BROKEN = gettext_noop("The report could not be made: the log of the hub says why. Ask for it again.")
EVERY = 0.5
"""Seconds between two signs of how far it is; each looks whether it is still wanted."""


class Orphaned(Cancelled):
    """Whoever started this process is gone: another will take the work up."""


def make(run: Run, *, parent: int = 0) -> bool:
    """Make what is waiting; false when another makes it, or it was called off. Never raises for what went wrong."""
    if not Run.objects.filter(pk=run.pk, state=WAITING).update(state=RUNNING, moved_at=now(), progress=0):
        return False
    zone = zones.find(run.zone) or zones.UTC
    try:
        with translation.override(run.language), timezone.override(zone):
            document = written(run, steps(run, parent))
            files.keep(run, document)
    except Orphaned:
        _end(run, WAITING, "")
        return False
    except Cancelled:
        files.remove(run)
        _end(run, CANCELLED, "")
        return False
    except Exception:
        log.exception("The report %s could not be made", run.uuid)
        _end(run, FAILED, BROKEN)
        return False
    files.measure(run)
    return _end(run, DONE, "", progress=100, servers=run.servers, reach=run.reach)


def _end(run: Run, state: str, said: str, **more: int | str) -> bool:
    """What was called off meanwhile stays so."""
    done_at = None if state == WAITING else now()
    rows = Run.objects.filter(pk=run.pk, state=RUNNING)
    ended = rows.update(state=state, said=said, done_at=done_at, moved_at=now(), **more)
    run.refresh_from_db()
    return bool(ended)


def steps(run: Run, parent: int = 0) -> Callable[[float], None]:
    """Say how far it is now and then, and stop when nobody wants it any more."""
    last = time.monotonic()

    def step(share: float) -> None:
        nonlocal last
        at = time.monotonic()
        if at - last < EVERY:
            return
        last = at
        if parent and os.getppid() != parent:
            raise Orphaned
        progress = max(1, min(99, int(100 * share)))
        if not Run.objects.filter(pk=run.pk, state=RUNNING).update(progress=progress, moved_at=now()):
            raise Cancelled

    return step


def written(run: Run, step: Callable[[float], None]) -> Document:
    """The report as data, in the language and zone that are active."""
    zone = zones.find(run.zone) or zones.UTC
    person = None if run.schedule_id else run.owner
    if person is not None:
        person.within = run.within
    period = Period(run.period, run.start, run.end, zone)
    found = scope.of(person, run.team, run.selector, run.start, run.end)
    kind = kinds.get(run.kind)
    run.servers = len(found.machines)
    run.reach = bounds.reached(person, found.teams) if person is not None else ""
    asked = Asked(
        person, found, period, run.target, step, team=run.team_id, whole=not run.selector.strip()
    )  # fmt: skip
    step(0.01)
    sections = kind().sections(asked)
    return Document(
        run.kind, str(kind.title), str(period), _scope(run, found), _made(), run.language, settings.SITE_URL,
        asked.sentences, sections, not asked.busy, _words(),
    )  # fmt: skip


def _scope(run: Run, found: scope.Scope) -> str:
    gone = sum(one.removed for one in found.machines)
    said = ngettext("%(n)d server", "%(n)d servers", len(found.machines)) % {"n": len(found.machines)}
    if gone:
        said = _("%(servers)s, %(gone)d of them removed") % {"servers": said, "gone": gone}
    teams = ", ".join(sorted(found.teams.values())[:5])
    said = f"{said} · {teams}" if teams else said
    said = f"{said} · {run.selector}" if run.selector.strip() else said
    if not found.left:
        return said
    left = ngettext(
        "%(n)d that is not in production is left out; env:… in the selector brings it in",
        "%(n)d that are not in production are left out; env:… in the selector brings them in",
        found.left,
    ) % {"n": found.left}
    return f"{said} · {left}"


def _made() -> str:
    at = now()
    zone = timezone.localtime(at).tzname()
    return _("Made %(at)s %(zone)s") % {"at": saying.moment(at), "zone": zone}


def _words() -> dict[str, str]:
    return {
        "page": _("Page {n} of {all}"), "summary": _("Summary"),
        "cut": _("There are more rows. The XLSX and CSV files hold all of them."),
        "letters": _("Letters that this file has no font for stand as \u25af. The page, XLSX and CSV show them."),
    }  # fmt: skip
