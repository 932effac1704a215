"""All periodic work on one screen; written into the tables of django-celery-beat at start."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from core.models import Cursor


@dataclass(frozen=True)
class Job:
    """A task, how often it runs, and what it is for, as the admin reads it."""

    name: str
    task: str
    seconds: int
    why: str


JOBS = (
    Job(
        "Check thresholds", "alerts.tasks.check_thresholds", 10,
        "Sweeps behind the loops that judge and deliver, should a wake be lost.",
    ),
    Job("Seal samples", "metrics.tasks.seal", 10, "Moves samples that everybody has read into chunks."),
    Job("Merge samples", "metrics.tasks.merge", 10, "Makes hours, days and months of what was sealed, bit by bit."),
    Job("Expire samples", "metrics.tasks.expire", 600, "Deletes what is older than it is kept."),
    Job("Expire signals", "checks.tasks.expire", 3600, "Keeps the last signals of each heartbeat."),
    Job("Measure models", "ml.tasks.measure_cards", 3600, "Writes report cards: a night's for each server."),
    Job("Forecast", "ml.tasks.forecast", 3600, "Says anew when each finite thing runs out, and what follows of it."),
    Job("Judge risks", "ml.tasks.judge_risks", 900, "Looks which server nears a critical line within the hour."),
    Job("Learn", "ml.tasks.learn", 60, "Sweeps behind the loops that have servers learnt and scored."),
    Job(
        "Make reports", "reports.tasks.sweep", 10,
        "Begins reports that are due, makes large ones, and mails those that are made.",
    ),
    Job("Expire reports", "reports.tasks.expire", 3600, "Deletes reports that are old or fill the disk."),
    Job("Expire the trail", "accounts.tasks.expire", 3600, "Deletes entries of the audit trail older than kept."),
)  # fmt: skip


# Who reads the journal. Samples are sealed and trimmed behind those that have a place in it: each must have one
# before the first seal, even if its process is started last. True: it may lose what it did not read for an hour.
CONSUMERS = {"rules": False, "scores": True}


@transaction.atomic
def install() -> None:
    """Make the tables say what this page says; jobs that are gone from here go there too."""
    for name, may_lose in CONSUMERS.items():
        Cursor.objects.update_or_create(name=name, defaults={"may_lose": may_lose})
    ours = PeriodicTask.objects.filter(description__startswith="Watchkeeper: ")
    ours.exclude(name__in=[job.name for job in JOBS]).delete()
    for job in JOBS:
        every, _ = IntervalSchedule.objects.get_or_create(every=job.seconds, period=IntervalSchedule.SECONDS)
        wanted = {"task": job.task, "interval": every, "description": f"Watchkeeper: {job.why}"}
        known = PeriodicTask.objects.filter(name=job.name).first()
        # Saving marks the schedule as changed and Beat reads all of it again: only when it did change.
        if known is None or any(getattr(known, field) != value for field, value in wanted.items()):
            PeriodicTask.objects.update_or_create(
                name=job.name, defaults={**wanted, "expire_seconds": max(job.seconds, 5), "enabled": True}
            )
