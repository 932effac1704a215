"""Servers, their keys and what they told, in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.team_admin import ReadOnly, Shown, TeamAdmin, Words, of
from servers import changing
from servers.models import AgentKey, Change, Enrolment, Event, FactSheet, Order, Server


class Keys(Shown):
    """Which keys its agents have; of the secret only a hash is kept, and that is not shown either."""

    model = AgentKey
    fields = readonly_fields = ("key", "created_at", "used_at", "replaced_at", "revoked_at")
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentKey]:
        return super().get_queryset(request).select_related("server")


@admin.register(Server)
class ServerAdmin(TeamAdmin):
    list_display = ("name", "team", "environment", "role", "site", "os", "agent", "interval", "paused", "created_at")
    list_filter = (of("team"), ("environment", Words), ("family", Words), "paused", "demo", ("agent", Words))
    list_select_related = ("team",)
    search_fields = ("name", "hostname", "os", "uuid")
    ordering = ("team__name", "name")
    date_hierarchy = "created_at"
    readonly_fields = (
        "uuid", "number", "team", "fingerprint", "offered", "agent", "os", "family", "demo", "internal", "created_at",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("name", "hostname", "environment", "role", "site", "tags", "interval", "paused")}),
        (_("As it is"), {"fields": readonly_fields}),
    )
    actions = ("pause", "resume", "rotate", "accept")
    inlines = (Keys,)

    def save_model(self, request: Any, obj: Server, form: Any, change: bool) -> None:
        """By the same verb as the API, so that it is audited; nobody makes a server by hand."""
        wanted = {name: form.cleaned_data[name] for name in form.changed_data}
        changing.change(
            obj if not wanted else Server.objects.visible_to(request.user).get(pk=obj.pk), wanted, by=request.user
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_manage_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """By name alone: what goes with a server is millions of rows, and goes bit by bit."""
        return [str(one) for one in self._mine(request, objs)], {_("servers"): len(objs)}, set(), []

    def _mine(self, request: HttpRequest, rows: Any) -> list[Server]:
        return self.manageable(request, rows) if isinstance(rows, QuerySet) else list(rows)

    def delete_model(self, request: Any, obj: Server) -> None:
        changing.remove([obj], by=request.user)

    def delete_queryset(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.remove(self.manageable(request, queryset), by=request.user)

    @admin.action(description=_("Pause: go on collecting, tell nobody"), permissions=["change"])
    def pause(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.bulk(self.manageable(request, queryset), changing.Bulk(fields={"paused": True}), by=request.user)

    @admin.action(description=_("Resume"), permissions=["change"])
    def resume(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.bulk(self.manageable(request, queryset), changing.Bulk(fields={"paused": False}), by=request.user)

    @admin.action(description=_("Rotate the keys of their agents"), permissions=["change"])
    def rotate(self, request: Any, queryset: QuerySet[Server]) -> None:
        changing.bulk(self.manageable(request, queryset), changing.Bulk(rotate=True), by=request.user)

    @admin.action(description=_("Accept the machine that asked to enrol under their name"), permissions=["change"])
    def accept(self, request: Any, queryset: QuerySet[Server]) -> None:
        for server in self.manageable(request, queryset):
            changing.accept(server, by=request.user)


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ("created_at", "server", "kind", "state", "handed_at", "done_at", "text", "by")
    list_filter = ("state", "kind")
    list_select_related = ("server", "by")
    search_fields = ("server__name", "kind", "text")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnly):
    list_display = ("name", "team", "reusable", "created_at", "expires_at", "used_at", "revoked_at")
    list_filter = (of("team"), "reusable", ("used_at", admin.EmptyFieldListFilter))
    list_select_related = ("team",)
    search_fields = ("name", "key", "used_by")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    exclude = ("digest",)
    actions = ("withdraw",)

    @admin.action(description=_("Revoke"), permissions=["manage"])
    def withdraw(self, request: Any, queryset: QuerySet[Enrolment]) -> None:
        for one in self.manageable(request, queryset):
            changing.withdraw(one, by=request.user)


@admin.register(FactSheet)
class FactSheetAdmin(ReadOnly):
    list_display = ("server", "at")
    list_select_related = ("server",)
    search_fields = ("server__name",)
    ordering = ("server__name",)
    date_hierarchy = "at"
    exclude = ("digest",)


@admin.register(Change)
class ChangeAdmin(ReadOnly):
    list_display = ("at", "server", "section", "key", "before", "after")
    list_filter = ("section",)
    list_select_related = ("server",)
    search_fields = ("server__name", "section", "key")
    ordering = ("-at", "-pk")
    date_hierarchy = "at"


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("at", "server", "kind", "text")
    list_filter = ("kind",)
    list_select_related = ("server",)
    search_fields = ("server__name", "text")
    ordering = ("-at", "-pk")
    date_hierarchy = "at"
