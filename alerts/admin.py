"""Rules, channels, and what came of them, in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.auth import me
from alerts import services, validating
from alerts.models import (
    Alert,
    Chain,
    Channel,
    Delivery,
    Incident,
    Notice,
    Override,
    Preference,
    Rotation,
    Rule,
    Schedule,
    Silence,
    Step,
    Way,
)
from alerts.services import channels, rules, silences
from core.clock import now
from core.team_admin import OwnersOnly, ReadOnly, Shown, TeamAdmin, of


class RuleForm(forms.ModelForm):
    """The same judgement as everywhere, at the fields of the table."""

    class Meta:
        model = Rule
        fields = ("team", *validating.FIELDS.values())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        rule = Rule(pk=self.instance.pk, **cleaned)
        validating.complete(rule, self.instance if self.instance.pk else None)  # as it stands until now
        for field, said in validating.faults(rule).items():
            self.add_error(validating.FIELDS[field], said)
        return cleaned | {name: getattr(rule, name) for name in validating.RECOVERY.values()}


@admin.register(Rule)
class RuleAdmin(TeamAdmin):
    list_display = ("name", "team", "metric", "op", "warn", "critical", "selector", "enabled")
    list_filter = (of("team"), "enabled", "kind", "op", ("fault", admin.EmptyFieldListFilter))
    list_select_related = ("team",)
    search_fields = ("name", "metric", "selector", "uuid")
    ordering = ("team__name", "name")
    date_hierarchy = "changed_at"
    autocomplete_fields = ("team",)
    form = RuleForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return super().get_queryset(request).filter(removed_at=None)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_manage_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_manage_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A rule ends; what it raised stays in the record."""
        mine = self.manageable(request, objs) if isinstance(objs, QuerySet) else list(objs)
        return [str(one) for one in mine], {_("rules"): len(mine)}, set(), []

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        if change:
            wanted = {name: getattr(obj, name) for name in validating.FIELDS.values()}
            rules.change_rule(Rule.objects.visible_to(request.user).get(pk=obj.pk), wanted, by=me(request))
        else:
            rules.make_rule(obj, by=me(request))

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        services.remove_rule(obj, now(), by=me(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        for rule in self.manageable(request, queryset):
            services.remove_rule(rule, now(), by=me(request))


@admin.register(Channel)
class ChannelAdmin(TeamAdmin):
    """Credentials are written through the channel's own page and never shown, sealed or open."""

    list_display = ("name", "team", "owner", "kind", "enabled", "default", "fallback", "fault", "failures")
    list_filter = (of("team"), "kind", "enabled", "default", ("fault", admin.EmptyFieldListFilter))
    list_select_related = ("team", "owner", "fallback")
    search_fields = ("name", "kind", "uuid")
    ordering = ("team__name", "name")
    fields = (
        "name", "enabled", "default", "language", "storm_cap", "kind", "team", "owner", "fallback", "fault",
        "resting_until", "failures",
    )  # fmt: skip
    # Whose it is, and who stands in, is checked by its page.
    readonly_fields = ("kind", "team", "owner", "fallback", "fault", "resting_until", "failures")

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        before = Channel.objects.visible_to(request.user).get(pk=obj.pk)
        channels.save(obj, by=me(request), before=channels.shown(before))


@admin.register(Silence)
class SilenceAdmin(ReadOnly):
    """Made on their page, where one sees what they mute; ended here as well."""

    list_display = ("reason", "team", "selector", "rule", "starts_at", "ends_at", "rrule", "owner", "ended_at")
    list_filter = (of("team"), ("ended_at", admin.EmptyFieldListFilter), ("rrule", admin.EmptyFieldListFilter))
    list_select_related = ("team", "rule", "owner")
    search_fields = ("reason", "selector", "rule__name", "owner__email")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    actions = ("end",)

    @admin.action(description=_("End now"), permissions=["manage"])
    def end(self, request: HttpRequest, queryset: QuerySet[Silence]) -> None:
        for one in self.manageable(request, queryset):
            silences.end(one, now(), by=me(request))


@admin.register(Incident)
class IncidentAdmin(ReadOnly):
    list_display = ("title", "team", "severity", "opened_at", "resolved_at", "acknowledged_by", "acknowledged_over")
    list_filter = (of("team"), "severity", ("resolved_at", admin.EmptyFieldListFilter))
    list_select_related = ("team", "acknowledged_by", "rule")
    search_fields = ("title", "uuid")
    ordering = ("-opened_at",)
    date_hierarchy = "opened_at"


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    list_display = ("rule", "server", "series", "state", "severity", "value", "limit", "since", "resolved_at")
    list_filter = ("state", "severity", ("resolved_at", admin.EmptyFieldListFilter))
    list_select_related = ("rule", "server", "series", "incident")
    search_fields = ("rule__name", "server__name", "series__metric")
    ordering = ("-pk",)
    date_hierarchy = "resolved_at"


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    list_display = ("at", "kind", "text", "incident", "by", "told_at", "held")
    list_filter = ("kind",)
    list_select_related = ("incident", "by", "alert__rule", "alert__server")
    search_fields = ("text", "incident__title")
    ordering = ("-at", "-pk")
    date_hierarchy = "at"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("notice", "channel", "person", "state", "attempts", "due_at", "sent_at", "error")
    list_filter = ("state", "channel__kind")
    list_select_related = ("notice", "channel", "person", "instead_of", "folded_in")
    search_fields = ("notice__text", "channel__name", "person__email", "error")
    ordering = ("-due_at", "-pk")
    date_hierarchy = "due_at"
    exclude = ("lease_owner", "lease_until")


@admin.register(Chain)
class ChainAdmin(ReadOnly):
    """Set on its page and through the API, where its steps are checked."""

    list_display = ("name", "team", "default", "unacknowledge", "steps_said")
    list_filter = (of("team"), "default")
    list_select_related = ("team",)
    search_fields = ("name",)
    ordering = ("team__name", "name")
    fields = ("name", "team", "default", "unacknowledge", "steps_said")

    @admin.display(description=_("steps"))
    def steps_said(self, chain: Chain) -> str:
        return ", ".join(str(step.get("kind", "?")) if isinstance(step, dict) else str(step) for step in chain.steps)


class Rotations(Shown):
    model = Rotation
    fields = ("place", "people", "days", "starts_on", "ends_on", "hand_over", "hours_from", "hours_until", "weekdays")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rotation]:
        return super().get_queryset(request).select_related("schedule")


class Overrides(Shown):
    model = Override
    fields = ("user", "starts_at", "ends_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        return super().get_queryset(request).select_related("schedule", "user")


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly):
    list_display = ("name", "team", "zone", "fallback")
    list_filter = (of("team"), "zone")
    list_select_related = ("team", "fallback")
    search_fields = ("name",)
    ordering = ("team__name", "name")
    inlines = (Rotations, Overrides)


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("incident", "chain", "round", "place", "kind", "due_at", "done_at", "result")
    list_filter = ("kind", ("done_at", admin.EmptyFieldListFilter))
    list_select_related = ("incident",)
    search_fields = ("incident__title", "result")
    ordering = ("-due_at", "-pk")
    date_hierarchy = "due_at"


@admin.register(Way)
class WayAdmin(OwnersOnly):
    """How people chose to be told; they set it themselves."""

    list_display = ("user", "severity", "place", "channel", "after")
    list_filter = ("severity", "channel__kind")
    list_select_related = ("user", "channel")
    search_fields = ("user__email", "channel__name")
    ordering = ("user__email", "severity", "place")


@admin.register(Preference)
class PreferenceAdmin(OwnersOnly):
    list_display = ("user", "quiet_from", "quiet_until", "quiet_days", "critical_breaks_quiet")
    list_filter = ("critical_breaks_quiet",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    ordering = ("user__email",)
