"""Servers, their keys and what they told, in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.team_admin import ReadOnly, TeamAdmin
from servers import changing
from servers.models import AgentKey, Change, Enrolment, Event, FactSheet, Order, Server


class Keys(admin.TabularInline):
    model = AgentKey
    extra = 0
    fields = readonly_fields = ("key", "created_at", "used_at", "replaced_at", "revoked_at")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Server)
class ServerAdmin(TeamAdmin):
    list_display = ("name", "team", "environment", "role", "site", "os", "interval", "paused", "created_at")
    list_filter = ("team", "environment", "family", "paused")
    list_select_related = ("team",)
    search_fields = ("name", "hostname", "os")
    readonly_fields = ("uuid", "number", "team", "fingerprint", "offered", "agent", "os", "family", "created_at")
    actions = ("pause", "resume", "rotate", "accept")
    inlines = (Keys,)

    def save_model(self, request: Any, obj: Server, form: Any, change: bool) -> None:
        """By the same verb as the API, so that it is audited; nobody makes a server by hand."""
        wanted = {name: form.cleaned_data[name] for name in form.changed_data}
        changing.change(
            obj if not wanted else Server.objects.visible_to(request.user).get(pk=obj.pk), wanted, by=request.user
        )

    def has_add_permission(self, request: object) -> bool:
        return False

    def delete_model(self, request: Any, obj: Server) -> None:
        changing.remove([obj], by=request.user)

    def delete_queryset(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.remove(list(queryset), by=request.user)

    @admin.action(description="Pause: go on collecting, tell nobody", permissions=["change"])
    def pause(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.bulk(list(queryset), changing.Bulk(fields={"paused": True}), by=request.user)

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.bulk(list(queryset), changing.Bulk(fields={"paused": False}), by=request.user)

    @admin.action(description="Rotate the keys of their agents", permissions=["change"])
    def rotate(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.bulk(list(queryset), changing.Bulk(rotate=True), by=request.user)

    @admin.action(description="Accept the machine that asked to enrol under their name", permissions=["change"])
    def accept(self, request: Any, queryset: QuerySet[Server]) -> None:
        for server in queryset:
            changing.accept(server, by=request.user)


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ("created_at", "server", "kind", "state", "handed_at", "done_at", "text", "by")
    list_filter = ("state", "kind")
    list_select_related = ("server", "by")


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
