"""Reports in the admin: to look at."""

from __future__ import annotations

from django.contrib import admin

from core.team_admin import OwnersOnly, ReadOnly, of
from reports.models import Life, Run, Schedule, Sending


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly):
    list_display = ("name", "team", "kind", "rhythm", "next_at", "enabled", "fault")
    list_filter = (of("team"), "rhythm", "enabled")
    list_select_related = ("team",)
    search_fields = ("name", "uuid")
    ordering = ("team__name", "name")


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("kind", "start", "end", "state", "progress", "servers", "bytes", "created_at")
    list_filter = ("kind", "state")
    search_fields = ("uuid",)
    ordering = ("-pk",)
    date_hierarchy = "created_at"


@admin.register(Life)
class LifeAdmin(ReadOnly):
    list_display = ("name", "team", "stands_for", "began_at", "ended_at")
    list_filter = (of("team"), "stands_for")
    list_select_related = ("team",)
    search_fields = ("name", "uuid")
    ordering = ("-ended_at",)
    date_hierarchy = "ended_at"


@admin.register(Sending)
class SendingAdmin(OwnersOnly):
    list_display = ("run", "address", "sent_at", "attempts", "error")
    list_filter = (("error", admin.EmptyFieldListFilter),)
    list_select_related = ("run",)
    search_fields = ("address",)
    ordering = ("-pk",)
