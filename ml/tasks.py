"""The second net behind the loops that score and learn: Beat wakes them for what is due."""

from __future__ import annotations

from celery import shared_task

from core import runner


@shared_task(ignore_result=True, expires=30)  # type: ignore[untyped-decorator]
def learn() -> None:
    """Ring the loops, wherever they run: what is due stands in the table of trainings."""
    runner.wake("training")
    runner.wake("scores")
