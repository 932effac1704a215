"""Who holds which job, how far consumers have read, and what is done by the clock."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from core.models import Cursor, Lease
from core.team_admin import OwnersOnly


@admin.register(Lease)
class LeaseAdmin(OwnersOnly):
    list_display = ("name", "owner", "until")
    search_fields = ("name", "owner")
    ordering = ("name",)


@admin.register(Cursor)
class CursorAdmin(OwnersOnly):
    list_display = ("name", "place")
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(PeriodicTask)
class PeriodicAdmin(OwnersOnly):
    """The schedule as it stands; monitor/schedule.py is its truth and writes it at each start."""

    list_display = ("name", "what_for", "every", "enabled", "last_run_at", "total_run_count")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    list_filter = ("enabled",)
    search_fields = ("name", "task", "description")
    ordering = ("name",)
    fields = ("name", "what_for", "every", "task", "enabled", "last_run_at", "total_run_count", "date_changed")

    @admin.display(description=_("what for"))
    def what_for(self, job: Any) -> str:
        return str(job.description).removeprefix("Watchkeeper: ")

    @admin.display(description=_("when"))
    def every(self, job: Any) -> str:
        return str(job.interval or job.crontab or job.clocked or job.solar or "")
