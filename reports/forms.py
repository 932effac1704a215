"""The forms of reports; what is wrong is said beside its field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.base import REPORT
from accounts.models import Team, User
from core import selector, zones
from core.clock import now
from core.days import Day
from reports import periods, scope
from reports.kinds import kinds
from reports.models import TARGET, Schedule
from reports.periods import NoPeriod
from reports.services.asking import Wish
from reports.services.files import FORMATS
from reports.services.schedules import members

PERIODS = [
    ("week", _("Last week")), ("month", _("Last month")), ("quarter", _("Last quarter")), ("year", _("Last year")),
    ("custom", _("From … to …")),
]  # fmt: skip
RHYTHMS = [("month", _("Each first of a month, of the month before")), ("week", _("Each Monday, of the week before"))]
FEW_WEEKS = timedelta(days=27)
PROMISES = _("A number above 0 and at most 100, such as 99.9.")
ONLY = _("Empty for all servers, or some such as tag:db and env:production.")


def _kinds() -> list[tuple[str, str]]:
    """The overview first: most want that."""
    return [(name, str(kinds.get(name).title)) for name in sorted(kinds, key=lambda name: (name != "overview", name))]


def _spoken() -> str:
    language = get_language() or settings.LANGUAGE_CODE
    return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def _hours() -> list[tuple[str, str]]:
    return [(str(hour), f"{hour:02}:00") for hour in range(24)]


class About(forms.Form):
    """What both forms ask."""

    kind = forms.ChoiceField(label=_("What"), choices=_kinds)
    selector = forms.CharField(label=_("Only these servers"), required=False, max_length=2000, help_text=ONLY)
    target = forms.FloatField(
        label=_("Promised availability in %"), initial=TARGET, min_value=0.001, max_value=100, localize=True,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), PROMISES),
    )  # fmt: skip
    team = forms.ModelChoiceField(label=_("Team"), queryset=Team.objects.none(), required=False)

    def clean_selector(self) -> str:
        text: str = self.cleaned_data["selector"].strip()
        try:
            selector.parse(text)
        except selector.Unreadable as fault:
            raise forms.ValidationError(str(fault)) from fault
        return text


class RunForm(About):
    period = forms.ChoiceField(label=_("When"), choices=PERIODS)
    first = Day(label=_("From"), required=False)
    last = Day(label=_("To, included"), required=False)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, required=False)

    def __init__(self, user: User, data: Any = None, kind: str = "") -> None:
        super().__init__(data, initial={"kind": kind, "language": _spoken()})
        teams = Team.objects.visible_to(user).order_by("name")
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        self._begin(user)
        self.fields["team"].empty_label = _("All of mine")  # type: ignore[attr-defined]
        if teams.count() < 2:
            del self.fields["team"]

    def _begin(self, user: User) -> None:
        """The last month where something is as old, else the last week, else the days there are. What is chosen comes
        first.
        """
        zone = zones.find(get_current_timezone_name()) or zones.UTC
        at = now()
        first = (scope.oldest(user) or at).astimezone(zone).date()
        today = at.astimezone(zone).date()
        self.initial.update(first=max(first, today - FEW_WEEKS), last=today)
        whole = [
            name for name in ("month", "week") if first < periods.last(name, zone, at).end.astimezone(zone).date()
        ]
        chosen = self.initial["period"] = next(iter(whole), periods.CUSTOM)
        self.fields["period"].choices = sorted(PERIODS, key=lambda one: one[0] != chosen)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        zone = zones.find(get_current_timezone_name()) or zones.UTC
        try:
            if cleaned.get("period") == periods.CUSTOM:
                cleaned["meant"] = periods.custom(cleaned.get("first"), cleaned.get("last"), zone)
            elif cleaned.get("period"):
                cleaned["meant"] = periods.last(cleaned["period"], zone)
        except NoPeriod as fault:
            self.add_error("first", str(fault))
        return cleaned

    def wish(self) -> Wish:
        given = self.cleaned_data
        language = given["language"] or _spoken()
        return Wish(given["kind"], given["meant"], given["selector"], given.get("team"), given["target"], language)


class ScheduleForm(About):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("The mail is called so."))
    rhythm = forms.ChoiceField(label=_("When"), choices=RHYTHMS)
    hour = forms.ChoiceField(label=_("At"), choices=_hours, initial="7")
    zone = forms.CharField(label=_("Time zone"), max_length=64)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    formats = forms.MultipleChoiceField(
        label=_("Files in the mail"), choices=[(one, one.upper()) for one in FORMATS], required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    people = forms.MultipleChoiceField(label=_("People"), required=False, widget=forms.CheckboxSelectMultiple)
    addresses = forms.CharField(
        label=_("Other addresses"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line: those of the team's mail channels. An admin of the team may write any."),
    )  # fmt: skip
    enabled = forms.BooleanField(label=_("Send it"), required=False, initial=True)

    def __init__(self, user: User, schedule: Schedule, data: Any = None) -> None:
        super().__init__(data, initial=_initial(user, schedule))
        teams = Team.objects.visible_to(user, REPORT).order_by("pk")
        self.only = schedule.team if schedule.pk else teams.first() if teams.count() == 1 else None
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        self.fields["team"].required = True
        if self.only:
            del self.fields["team"]
        listed = {str(one.uuid): str(one) for team in ([self.only] if self.only else teams) for one in members(team)}
        self.fields["people"].choices = list(listed.items())  # type: ignore[attr-defined]

    def clean_addresses(self) -> list[str]:
        words = self.cleaned_data["addresses"].replace(",", "\n").split()
        return list(dict.fromkeys(word.strip() for word in words if word.strip()))

    def fill(self, schedule: Schedule) -> None:
        given = self.cleaned_data
        schedule.team = self.only or given["team"]
        schedule.hour = int(given["hour"])
        for field in ("name", "kind", "selector", "target", "rhythm", "zone", "language", "formats", "people",
                      "addresses", "enabled"):  # fmt: skip
            setattr(schedule, field, given[field])


def _initial(user: User, schedule: Schedule) -> dict[str, Any]:
    if not schedule.pk:
        return {
            "kind": "overview", "rhythm": "month", "zone": get_current_timezone_name(), "formats": ["pdf"],
            "language": _spoken(), "people": [str(user.uuid)], "enabled": True,
        }  # fmt: skip
    fields = (
        "kind",
        "selector",
        "target",
        "name",
        "rhythm",
        "hour",
        "zone",
        "language",
        "formats",
        "people",
        "enabled",
    )
    return {name: getattr(schedule, name) for name in fields} | {"addresses": "\n".join(schedule.addresses)}
