"""Large reports in children of their own: niced, one at a time, taken up again when one dies."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_noop

from core.clock import now
from reports.models import FAILED, RUNNING, WAITING, Run

log = logging.getLogger(__name__)

STALE = timedelta(minutes=3)
AGAIN = timedelta(hours=6)
AT_ONCE = 1
GONE = gettext_noop("Whoever made it is gone. Ask for it again.")
_children: list[subprocess.Popen[bytes]] = []


def sweep() -> None:
    """End what has died, start what waits."""
    _children[:] = [child for child in _children if child.poll() is None]
    at = now()
    silent = Run.objects.filter(state=RUNNING, moved_at__lt=at - STALE)
    # Nobody sits in front of one that is mailed: it is made again, for some hours.
    silent.filter(schedule__isnull=False, created_at__gt=at - AGAIN).update(state=WAITING, moved_at=at)
    silent.update(state=FAILED, done_at=at, said=GONE)
    room = AT_ONCE - Run.objects.filter(state=RUNNING).count()
    # What was asked for a moment ago is being made where it was asked.
    settled = Q(created_at__lt=at - timedelta(seconds=1))
    for run in Run.objects.filter(settled, state=WAITING).order_by("pk")[: max(0, room - len(_children))]:
        start(run)


def start(run: Run) -> None:
    argv = [sys.executable, str(settings.ROOT / "manage.py"), "make_report", str(run.uuid)]
    log.info("A report is made in a child of its own: %s", run)
    _children.append(
        subprocess.Popen(argv, cwd=settings.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words, no shell
    )
