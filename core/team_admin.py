"""Admin pages show what their person may see, change what they may manage, and tell the product's own trail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.errors import Failure

MANAGE = "manage"
MOST_HISTORY = 200


@dataclass
class Trail:
    """Where changes are written down; the app of people, which stands above, puts its own functions here."""

    write: Callable[..., None] | None = None
    read: Callable[[Any, Any], Iterable[Any]] | None = None


trail = Trail()


def of(field: str) -> tuple[str, type[admin.FieldListFilter]]:
    """A filter by a related row that offers only those of rows the person may see."""
    return field, admin.RelatedOnlyFieldListFilter


class Words(admin.AllValuesFieldListFilter):
    """A filter by each word that occurs; what has none can be chosen as well."""

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "-"}


class TeamAdmin(admin.ModelAdmin):
    """Starts every list at `.visible_to(user)`; choices of other team-owned rows too.

    Roles in teams say who may do what; Django's own permissions play no part.
    """

    for_teams: ClassVar[bool] = True
    """Whether staff who are no site owners see it at all."""
    list_per_page = 50
    show_full_result_count = False
    save_on_top = False
    save_as = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        manager: Any = self.model._default_manager
        found: QuerySet[Any] = manager.visible_to(request.user)
        ordering = self.get_ordering(request)
        return found.order_by(*ordering) if ordering else found

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        manager: Any = db_field.related_model._default_manager
        if hasattr(manager, "visible_to"):
            kwargs["queryset"] = manager.visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # Who may what

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(user.is_active and user.is_staff and (user.is_superuser or self.for_teams))

    def has_manage_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of a row: whether they manage it. Without one: whether it is worth offering at all."""
        user: Any = request.user
        if user.is_superuser or not self.has_view_permission(request):
            return bool(user.is_superuser and user.is_active)
        if obj is None:
            return bool(user.may(MANAGE, some=True))
        manager: Any = self.model._default_manager
        return bool(manager.visible_to(user, MANAGE).filter(pk=obj.pk).exists())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_manage_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def manageable(self, request: HttpRequest, rows: QuerySet[Any]) -> list[Any]:
        """Of the rows that were ticked those that this person manages."""
        if request.user.is_superuser:
            return list(rows)
        manager: Any = self.model._default_manager
        return list(rows.filter(pk__in=manager.visible_to(request.user, MANAGE).values("pk")))

    # What was refused, as a sentence on the page

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._or_say(request, super().changeform_view, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._or_say(request, super().changelist_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._or_say(request, super().delete_view, *args, **kwargs)

    def _or_say(self, request: HttpRequest, view: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return view(request, *args, **kwargs)
        except Failure as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    # What was done, in our trail and not in Django's log

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        return None

    def written(self, request: HttpRequest, action: str, obj: Any, **told: dict[str, Any]) -> None:
        """For the few changes that no service of ours makes."""
        if trail.write:
            trail.write(request.user, action, obj, **told)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the trail holds about it, as far as this person may read the trail."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        rows = list(trail.read(request.user, obj))[:MOST_HISTORY] if trail.read else []
        context = {
            **self.admin_site.each_context(request),
            "title": _("History: %s") % obj,
            "subtitle": None,
            "rows": rows,
            "object": obj,
            "opts": self.opts,
            "module_name": self.opts.verbose_name_plural,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/object_history.html", context)


class Shown(admin.TabularInline):
    """Rows of a row, to look at; whoever sees the one sees the others."""

    template = "admin/shown_inline.html"
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(TeamAdmin):
    """What happened is looked at, not edited."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OwnersOnly(ReadOnly):
    """What concerns all teams, for site owners alone."""

    for_teams = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        user: Any = request.user
        rows: QuerySet[Any] = self.model._default_manager.all()
        ordering = self.get_ordering(request)
        rows = rows.order_by(*ordering) if ordering else rows
        return rows if user.is_active and user.is_superuser else rows.none()
