"""The second net behind the loops that score and learn: Beat wakes them for what is due."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from core import runner
from core.clock import now
from ml import child
from ml.foretell import work
from ml.models import Sizing, Training, Watch

CARDS_FOR = 240.0
SETTLES = timedelta(seconds=90)

_forecasts = runner.Held("forecasts", 900.0)
_looked: list[bool] = []


@shared_task(ignore_result=True, expires=30)  # type: ignore[untyped-decorator]
def learn() -> None:
    """Ring the loops, wherever they run: what is due stands in the table of trainings."""
    runner.wake("training")
    runner.wake("scores")
    if _first_look():
        forecast()


@shared_task(ignore_result=True, expires=3600)  # type: ignore[untyped-decorator]
def measure_cards() -> None:
    """Some of the day's report cards, in a child that ends with its memory; the others come with the next hour."""
    child.run(["measure_cards", "--seconds", str(CARDS_FOR)], seconds=CARDS_FOR + 60.0)


@shared_task(ignore_result=True, expires=1800)  # type: ignore[untyped-decorator]
def forecast() -> None:
    """What runs out when, which disks are failing, who is too large: once an hour, by one process."""
    if _forecasts.ours():
        try:
            work.hour()
        finally:
            _forecasts.release()


@shared_task(ignore_result=True, expires=300)  # type: ignore[untyped-decorator]
def judge_risks() -> None:
    """The risks by the newest minutes, unless the hour's work is doing it."""
    if _forecasts.ours():
        try:
            work.quarter()
        finally:
            _forecasts.release()


def _first_look() -> bool:
    """Once: machines that brought a past along are learnt, and nobody has looked ahead yet."""
    if _looked or not Watch.objects.exclude(full_at=None).exists():
        return False
    soon = Training.objects.standing().filter(why__in=("first", "day"), due_at__lte=now() + SETTLES)
    if soon.exists():
        return False
    _looked.append(True)
    return not Sizing.objects.exists()
