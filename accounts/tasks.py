"""What is kept of people is kept for a time."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from accounts import sessions
from accounts.limits import trim
from accounts.models import Audit
from core.clock import now


@shared_task(ignore_result=True, expires=3600)  # type: ignore[untyped-decorator]
def expire() -> None:
    """Entries of the trail older than they are kept, sessions that ended, tries that nobody counts any more."""
    Audit.objects.expire(now() - timedelta(days=settings.KEEP_AUDIT_DAYS))
    sessions.forget()
    trim()
