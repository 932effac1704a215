"""The Celery app: it wakes and carries slow work; no truth lives in its broker."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
# Celery would run all of Django's system checks again in the worker's thread.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("watchkeeper", set_as_current=True)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.task(ignore_result=True)  # type: ignore[untyped-decorator]
def nothing() -> None:
    """An empty message, to make the worker look around."""
