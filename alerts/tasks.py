"""The second net behind the loops: Beat sweeps what a lost wake left lying."""

from __future__ import annotations

from celery import shared_task

from core import runner

# Held while the schedule is kept and a worker does what it asks for: the product's watch over itself looks at it.
pulse = runner.Held("pulse schedule", 60.0)


@shared_task(ignore_result=True, expires=10)  # type: ignore[untyped-decorator]
def check_thresholds() -> None:
    """Ring the loops that judge, tell and deliver, wherever they run."""
    pulse.ours()
    runner.wake("rules")
    runner.wake("telling")
    runner.wake("deliver")
