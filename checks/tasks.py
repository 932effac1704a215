"""What Beat has done for checks."""

from __future__ import annotations

from celery import shared_task

from checks import beating


@shared_task(ignore_result=True, expires=3600)  # type: ignore[untyped-decorator]
def expire() -> None:
    """Signals beyond the last ones of each heartbeat."""
    beating.expire()
