"""The second net behind the loops: Beat sweeps what a lost wake left lying."""

from __future__ import annotations

from celery import shared_task

from core import runner


@shared_task(ignore_result=True, expires=10)  # type: ignore[untyped-decorator]
def check_thresholds() -> None:
    """Ring the rules and delivery loops, wherever they run."""
    runner.wake("rules")
    runner.wake("deliver")
