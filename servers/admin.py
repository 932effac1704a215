"""Servers, their keys and what they told, in the admin."""

from __future__ import annotations

from django.contrib import admin

from core.team_admin import ReadOnly, TeamAdmin
from servers.models import AgentKey, Change, Enrolment, Event, FactSheet, Server


class Keys(admin.TabularInline):
    model = AgentKey
    extra = 0
    fields = ("key", "created_at", "revoked_at")
    readonly_fields = ("key", "created_at")
    can_delete = False


@admin.register(Server)
class ServerAdmin(TeamAdmin):
    list_display = ("name", "team", "environment", "role", "site", "os", "interval", "paused", "created_at")
    list_filter = ("team", "environment", "family", "paused")
    list_select_related = ("team",)
    search_fields = ("name", "hostname", "os")
    readonly_fields = ("uuid", "number", "fingerprint", "created_at")
    inlines = (Keys,)

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        """Its open alerts would vanish untold. Pause it; removing comes with a service that tells first."""
        return False


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnly):
    list_display = ("name", "team", "reusable", "created_at", "expires_at", "used_at")
    list_filter = ("team", "reusable")
    list_select_related = ("team",)
    exclude = ("digest",)


@admin.register(FactSheet)
class FactSheetAdmin(ReadOnly):
    list_display = ("server", "at")
    list_select_related = ("server",)


@admin.register(Change)
class ChangeAdmin(ReadOnly):
    list_display = ("at", "server", "section", "key", "before", "after")
    list_filter = ("section",)
    list_select_related = ("server",)
    search_fields = ("server__name", "key")


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("at", "server", "kind", "text")
    list_filter = ("kind",)
    list_select_related = ("server",)
    search_fields = ("server__name", "text")
