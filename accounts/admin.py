"""People, teams, tokens, limits and the trail in the admin."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import again, limits, services, sessions
from accounts.auth import me
from accounts.limits import Limit
from accounts.models import ApiToken, Audit, Invitation, Membership, Team, User, UserSession
from core.clock import now
from core.selector import Unreadable
from core.team_admin import OwnersOnly, ReadOnly, TeamAdmin, of, trail


def _history(user: Any, row: Any) -> Iterable[Audit]:
    """Of a row what happened to it; of nothing what this person did lately."""
    found = Audit.objects.visible_to(user).select_related("team").order_by("-at", "-pk")
    if row is None:
        return found.filter(user=user)[:10]
    uuid = getattr(row, "uuid", None)
    return found.filter(target_id=str(uuid))[:200] if uuid else found.none()


trail.write, trail.read = services.audit, _history


class MemberForm(forms.ModelForm):
    class Meta:
        model = Membership
        fields = ("role", "selector")

    def clean_selector(self) -> str:
        text = str(self.cleaned_data["selector"])
        try:
            services.check_selector(text)
        except Unreadable as fault:
            raise forms.ValidationError(str(fault)) from fault
        return text.strip()


class _Named(forms.BaseInlineFormSet):
    """Each field says what it is to whoever does not see the head of its column."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            field.widget.attrs["aria-label"] = str(field.label or "")


class Memberships(admin.TabularInline):
    """Roles are changed and ended here; somebody new is invited."""

    model = Membership
    form = MemberForm
    formset = _Named
    extra = 0
    verbose_name_plural = gettext_lazy("Teams and roles")
    readonly_fields: ClassVar[Any] = ("team",)
    fields: ClassVar[Any] = ("team", "role", "selector")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return Membership.objects.visible_to(request.user).select_related("team", "user")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(me(request).is_superuser or (isinstance(obj, Team) and me(request).may("manage", obj)))

    has_delete_permission = has_change_permission


class Members(Memberships):
    verbose_name_plural = gettext_lazy("Members")
    readonly_fields = ("user",)
    fields = ("user", "role", "selector")


class _WithMembers(TeamAdmin):
    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for row in formset.deleted_objects:
            services.remove_member(row, by=me(request))
        for row, _fields in formset.changed_objects:
            services.change_member(row, by=me(request), role=row.role, selector=row.selector)


@admin.register(User)
class PersonAdmin(_WithMembers, OwnersOnly):
    """Nobody is given a password here: who is new is invited, who forgot theirs is sent a link."""

    list_display = ("email", "name", "teams", "is_active", "is_superuser", "last_login", "date_joined")
    list_filter = ("is_active", "is_superuser", of("memberships__team"), "memberships__role")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    date_hierarchy = "date_joined"
    inlines = (Memberships,)
    readonly_fields = ("email", "last_login", "date_joined", "language", "zone")
    fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name")}),
        (gettext_lazy("Rights"), {"fields": ("is_active", "is_superuser")}),
        (gettext_lazy("Profile"), {"fields": ("language", "zone", "last_login", "date_joined")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_manage_permission(request, obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Rights are given as on the page of people: by whoever showed lately who they are."""
        view = super().changeform_view
        return (
            again.required(view)(request, *args, **kwargs)
            if request.method == "POST"
            else view(request, *args, **kwargs)
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__team")

    @admin.display(description=gettext_lazy("name"), ordering="first_name")
    def name(self, person: User) -> str:
        return person.get_full_name()

    @admin.display(description=gettext_lazy("teams"))
    def teams(self, person: User) -> str:
        return ", ".join(f"{one.team.name} ({one.role})" for one in person.memberships.all())

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """By the same verbs as the pages of people, so that the last owner stays and the trail knows."""
        kept = User.objects.get(pk=obj.pk)
        services.set_owner(kept, obj.is_superuser, by=me(request))
        services.set_active(kept, obj.is_active, by=me(request))
        wanted = {name: getattr(obj, name) for name in ("first_name", "last_name") if name in form.changed_data}
        if wanted:
            before = {name: getattr(kept, name) for name in wanted}
            User.objects.filter(pk=obj.pk).update(**wanted)
            self.written(request, "person.change", kept, before=before, after=wanted)


@admin.register(Team)
class TeamTableAdmin(_WithMembers):
    list_display = ("name", "members", "require_second_factor", "created_at")
    list_filter = ("require_second_factor",)
    search_fields = ("name",)
    ordering = ("name",)
    date_hierarchy = "created_at"
    fields = ("name", "require_second_factor")
    inlines = (Members,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return super().get_queryset(request).prefetch_related("memberships")

    @admin.display(description=gettext_lazy("members"))
    def members(self, team: Team) -> int:
        return len(team.memberships.all())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(me(request).is_superuser)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        if change:
            services.change_team(obj, by=me(request), name=obj.name, second_factor=obj.require_second_factor)
            return
        made = services.make_team(obj.name, by=me(request))
        if obj.require_second_factor:
            services.change_team(made, by=me(request), second_factor=True)
        obj.pk, obj.uuid, obj._state.adding = made.pk, made.uuid, False


class InvitationForm(MemberForm):
    class Meta:
        model = Invitation
        fields = ("email", "team", "role", "selector")


@admin.register(Invitation)
class InvitationAdmin(TeamAdmin):
    """Whoever is new is invited; only the hash of the secret is kept."""

    list_display = ("email", "team", "role", "state", "by", "created_at", "expires_at")
    list_filter = (of("team"), "role")
    list_select_related = ("team", "by", "accepted_by")
    search_fields = ("email", "team__name")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    autocomplete_fields = ("team",)
    form = InvitationForm
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        more = ("state", "by", "created_at", "expires_at", "accepted_at", "accepted_by", "revoked_at")
        return ("email", "team", "role", "selector", *(more if obj else ()))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(me(request).may("manage"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Invitation) -> str:
        return str(services.invitation_state(row, now()))

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        if not me(request).may("manage", obj.team):
            raise PermissionDenied
        made = services.invite(obj.team, obj.email, obj.role, obj.selector, by=me(request))
        obj.pk, obj.uuid, obj._state.adding = made.invitation.pk, made.invitation.uuid, False
        if made.mailed:
            self.message_user(request, _("A mail with the invitation is on its way to %s.") % obj.email)
        else:
            text = _("No mail is set up. Give this address to %(email)s, it is shown only now: %(address)s")
            text %= {"email": obj.email, "address": made.address}
            self.message_user(request, text, messages.WARNING)

    @admin.action(description=gettext_lazy("Revoke"), permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        for row in self.manageable(request, queryset):
            services.revoke_invitation(row, by=me(request))


@admin.register(ApiToken)
class ApiTokenAdmin(OwnersOnly):
    list_display = ("name", "user", "scopes", "selector", "created_at", "used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), ("expires_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "user__email", "key")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description=gettext_lazy("Revoke"), permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            services.revoke_token(token, by=me(request))


@admin.register(UserSession)
class SessionAdmin(OwnersOnly):
    list_display = ("user", "browser", "address", "created_at", "seen_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "browser", "address")
    ordering = ("-seen_at",)
    date_hierarchy = "created_at"
    fields = ("user", "browser", "address", "created_at", "seen_at")
    actions = ("end",)

    @admin.action(description=gettext_lazy("Sign out there"), permissions=["manage"])
    def end(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        for one in queryset.select_related("user"):
            self.written(request, "session.end", one, before={"user": one.user.email, "address": one.address})
            sessions.end(one)


class Waiting(admin.SimpleListFilter):
    title = gettext_lazy("must wait")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", _("now")), ("not", _("not now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Limit]) -> QuerySet[Limit]:
        wish = {"now": queryset.filter(until__gt=now()), "not": queryset.exclude(until__gt=now())}
        return wish.get(self.value() or "", queryset)


@admin.register(Limit)
class LimitAdmin(OwnersOnly):
    """Who tried too often and must wait."""

    list_display = ("subject", "kind", "count", "until", "waits", "changed_at")
    list_filter = (Waiting, "kind")
    search_fields = ("subject",)
    ordering = ("-until", "-changed_at")
    date_hierarchy = "changed_at"
    fields = ("kind", "subject", "count", "since", "until", "waits", "changed_at")
    actions = ("let",)

    @admin.action(description=gettext_lazy("Let them try again at once"), permissions=["manage"])
    def let(self, request: HttpRequest, queryset: QuerySet[Limit]) -> None:
        for limit in queryset:
            limits.clear(limit, by=request.user)


@admin.register(Audit)
class AuditAdmin(ReadOnly):
    list_display = ("at", "actor", "action", "target", "team", "over", "address", "change")
    list_select_related = ("team",)
    list_filter = ("action", of("team"))
    search_fields = ("actor", "target", "target_id", "action", "address")
    ordering = ("-at", "-pk")
    date_hierarchy = "at"
    fields = ("at", "actor", "action", "target", "target_id", "team", "over", "address", "before", "after")

    @admin.display(description=gettext_lazy("change"))
    def change(self, row: Audit) -> str:
        """Both sides, field by field, short enough for a line."""
        names = list(dict.fromkeys([*row.before, *row.after]))
        return "; ".join(f"{name}: {_short(row.before, name)} → {_short(row.after, name)}" for name in names[:5])[
            :300
        ]


def _short(values: dict[str, Any], name: str) -> str:
    if name not in values:
        return "-"
    value = values[name]
    return (value if isinstance(value, str) else json.dumps(value))[:60]
