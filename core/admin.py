"""Who holds which job, and how far consumers have read."""

from __future__ import annotations

from django.contrib import admin

from core.models import Cursor, Lease


@admin.register(Lease)
class LeaseAdmin(admin.ModelAdmin):
    list_display = ("name", "owner", "until")

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(Cursor)
class CursorAdmin(admin.ModelAdmin):
    list_display = ("name", "place")

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False
