"""Which series there are, in the admin; what was measured is read in charts."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core.team_admin import OwnersOnly
from metrics.models import Layout, Series


@admin.register(Series)
class SeriesAdmin(OwnersOnly):
    list_display = ("metric", "labels")
    search_fields = ("metric", "labels")
    ordering = ("metric", "labels")


@admin.register(Layout)
class LayoutAdmin(OwnersOnly):
    """A set of columns as agents post them; the column numbers of series are left to the store."""

    list_display = ("hash", "count")
    search_fields = ("hash",)
    ordering = ("pk",)
    fields = ("hash", "count", "columns")

    @admin.display(description=_("columns"))
    def count(self, layout: Layout) -> int:
        return len(layout.columns)
