"""Rules, channels, and what came of them, in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from alerts import services, validating
from alerts.models import Alert, Chain, Channel, Delivery, Incident, Notice, Rule, Schedule, Step
from alerts.services import rules
from core.clock import now
from core.team_admin import ReadOnly, TeamAdmin


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
    list_filter = ("team", "enabled", "kind")
    list_select_related = ("team",)
    search_fields = ("name", "metric", "selector")

    form = RuleForm

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        if change:
            wanted = {name: getattr(obj, name) for name in validating.FIELDS.values()}
            rules.change_rule(Rule.objects.visible_to(request.user).get(pk=obj.pk), wanted, by=request.user)  # type: ignore[arg-type]
        else:
            rules.make_rule(obj, by=request.user)  # type: ignore[arg-type]

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        services.remove_rule(obj, now(), by=request.user)  # type: ignore[arg-type]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        for rule in queryset:
            services.remove_rule(rule, now(), by=request.user)  # type: ignore[arg-type]


@admin.register(Channel)
class ChannelAdmin(TeamAdmin):
    """Credentials are written through the API and never shown."""

    list_display = ("name", "team", "kind", "enabled", "default")
    list_filter = ("team", "kind", "enabled")
    list_select_related = ("team",)
    search_fields = ("name",)
    readonly_fields = ("kind", "team", "owner", "fallback")  # whose it is, and who stands in, is checked by the API

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        """Through the API, which knows what still tells by it, and keeps the record of what it told."""
        return False


@admin.register(Incident)
class IncidentAdmin(ReadOnly):
    list_display = ("title", "team", "severity", "opened_at", "resolved_at", "acknowledged_by")
    list_filter = ("team", "severity")
    list_select_related = ("team", "acknowledged_by")
    search_fields = ("title",)


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    list_display = ("rule", "server", "series", "state", "severity", "value", "limit", "resolved_at")
    list_filter = ("state", "severity")
    list_select_related = ("rule", "server", "series")


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    list_display = ("at", "kind", "text", "incident")
    list_filter = ("kind",)
    list_select_related = ("incident",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("notice", "channel", "state", "attempts", "due_at", "sent_at", "error")
    list_filter = ("state", "channel__kind")
    list_select_related = ("notice", "channel")


@admin.register(Chain)
class ChainAdmin(ReadOnly):
    """Set on its page and through the API, where its steps are checked."""

    list_display = ("name", "team", "default", "unacknowledge", "steps")
    list_filter = ("team",)
    list_select_related = ("team",)
    search_fields = ("name",)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly):
    list_display = ("name", "team", "zone", "fallback")
    list_filter = ("team",)
    list_select_related = ("team", "fallback")
    search_fields = ("name",)


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("incident", "chain", "round", "place", "kind", "due_at", "done_at", "result")
    list_filter = ("kind",)
    list_select_related = ("incident",)
