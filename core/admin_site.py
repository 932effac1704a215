"""The admin: our look, one way in, and what is stored in sections that people understand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.team_admin import TeamAdmin, trail

SECTIONS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("People and access"), ("User", "Team", "Invitation", "ApiToken", "UserSession", "Limit", "Audit")),
    (_("What is watched"), ("Server", "Enrolment", "FactSheet", "Change", "Event", "Order")),
    (_("Who is told of what"), ("Rule", "Channel", "Silence", "Chain", "Schedule", "Way", "Preference")),
    (_("What happened"), ("Incident", "Alert", "Notice", "Delivery", "Step")),
)
REST = _("Inner workings")


class Site(admin.AdminSite):
    site_header = site_title = "Watchkeeper"
    index_title = _("Everything that is stored")
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only pages of ours: those of libraries show secrets, or rows of all teams."""
        if isinstance(admin_class, type) and issubclass(admin_class, TeamAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one place to sign in: it counts wrong passwords, the admin's own form does not."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("account_change_password")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """In sections; an app's own page, to which breadcrumbs lead, stays as Django has it."""
        apps: list[Any] = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        known = {model["object_name"]: model for app in apps for model in app["models"]}
        found = [
            self._section(title, [known.pop(name) for name in names if name in known]) for title, names in SECTIONS
        ]
        found.append(self._section(REST, sorted(known.values(), key=lambda model: str(model["name"]))))
        return [section for section in found if section["models"]]

    def _section(self, title: Any, models: list[Any]) -> dict[str, Any]:
        return {"name": title, "app_label": "", "app_url": "", "has_module_perms": True, "models": models}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        lately = list(trail.read(request.user, None))[:10] if trail.read else []
        return super().index(request, {"lately": lately, **(extra_context or {})})
