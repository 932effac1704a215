"""Saved views of the fleet in the admin."""

from __future__ import annotations

from django.contrib import admin

from core.team_admin import ReadOnly, of
from dashboards.models import View


@admin.register(View)
class ViewAdmin(ReadOnly):
    list_display = ("name", "team", "owner", "query", "changed_at")
    list_filter = (of("team"),)
    list_select_related = ("team", "owner")
    search_fields = ("name", "query", "owner__email")
    ordering = ("name",)
    date_hierarchy = "created_at"
