"""What is due of reports: schedules, runs that wait, mails, and what has grown old."""

from __future__ import annotations

from celery import shared_task

from core.clock import now
from core.models import Lease
from core.runner import INSTANCE
from reports.services import children, files, mailing, schedules

HELD = 300.0
"""Seconds a worker may be at its mails: each may wait for its server."""
MAIL = "report mail"


@shared_task(ignore_result=True, expires=10)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Begin what is due, start what waits, send what is made."""
    at = now()
    schedules.due(at)
    children.sweep()
    mailing.address_all(at)
    if Lease.objects.take(MAIL, INSTANCE, at, HELD):
        try:
            mailing.send_due(at)
        finally:
            Lease.objects.release(MAIL, INSTANCE)


@shared_task(ignore_result=True, expires=3600)  # type: ignore[untyped-decorator]
def expire() -> None:
    files.trim(now())
