"""Forms about people; what is wrong is said beside its field."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.act_names import action_name, choices
from accounts.models import THEMES, Team, User
from accounts.role_names import CHOICES
from accounts.services import RESOURCES, check_selector
from core import zones
from core.clock import now
from core.days import Day

ONLY = gettext_lazy("Empty for all servers, or some such as tag:db and env:production.")
DAYS = [
    ("30", gettext_lazy("30 days")), ("90", gettext_lazy("90 days")), ("365", gettext_lazy("A year")),
    ("", gettext_lazy("Never")),
]  # fmt: skip


class Selecting(forms.Form):
    """A form with a selector of servers."""

    selector = forms.CharField(
        label=gettext_lazy("Only these servers"), required=False, max_length=500, help_text=ONLY
    )

    def clean_selector(self) -> str:
        text: str = self.cleaned_data["selector"].strip()
        try:
            check_selector(text)
        except ValueError as fault:
            raise forms.ValidationError(str(fault)) from fault
        return text


class ProfileForm(forms.ModelForm):
    """What people say of themselves."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), required=False, help_text=gettext_lazy("All times are shown in it.")
    )
    theme = forms.ChoiceField(label=gettext_lazy("Look"), required=False)
    simple = forms.BooleanField(
        label=gettext_lazy("Simple view"), required=False,
        help_text=gettext_lazy("Plain words and fewer numbers on every page."),
    )  # fmt: skip
    single_keys = forms.BooleanField(
        label=gettext_lazy("Keys of one letter"), required=False,
        help_text=gettext_lazy("Keys such as a and j act without Ctrl. Switch them off if you write by voice."),
    )  # fmt: skip

    class Meta:
        model = User
        fields = ("first_name", "last_name", "language", "zone", "theme", "simple", "single_keys")
        labels = {"first_name": gettext_lazy("First name"), "last_name": gettext_lazy("Last name")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        browsers = ("", _("As my browser"))
        looks = {"": _("As my system"), "dark": _("Dark"), "light": _("Light")}
        self._choose("language", [browsers, *settings.LANGUAGES])
        self._choose("zone", [browsers, *((name, name.replace("_", " ")) for name in zones.names())])
        self._choose("theme", [(value, looks[value]) for value, _label in THEMES])
        self.fields["first_name"].widget.attrs["autocomplete"] = "given-name"
        self.fields["last_name"].widget.attrs["autocomplete"] = "family-name"

    def _choose(self, name: str, choices: list[Any]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = choices


class AddressForm(forms.Form):
    """Another address to sign in with."""

    email = forms.EmailField(label=gettext_lazy("New e-mail address"), max_length=254)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()


class TeamForm(forms.ModelForm):
    """Its name, and what it asks of its members."""

    require_second_factor = forms.BooleanField(
        label=gettext_lazy("Members need a second factor"), required=False,
        help_text=gettext_lazy("Whoever has none sets one up before they see anything of the team."),
    )  # fmt: skip

    class Meta:
        model = Team
        fields = ("name", "require_second_factor")
        labels = {"name": gettext_lazy("Name")}

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        others = Team.objects.exclude(pk=self.instance.pk)
        if others.filter(name__iexact=name).exists():
            raise forms.ValidationError(_("There is a team of this name already. Choose another."))
        return name


class NewTeamForm(TeamForm):
    """A team begins with its name alone."""

    class Meta(TeamForm.Meta):
        fields = ("name",)  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["require_second_factor"]


class InviteForm(Selecting):
    """Whom to ask into a team, and as what."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=CHOICES, initial="viewer")
    field_order = ("email", "role", "selector")


class MemberForm(Selecting):
    """Another role, or another part of the servers."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=CHOICES)
    field_order = ("role", "selector")


class TokenForm(Selecting):
    """What a token may open, and for how long."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("What it is for, such as Backup script.")
    )
    everything = forms.BooleanField(
        label=gettext_lazy("Everything I may do"), required=False,
        help_text=gettext_lazy("Or tick below what it may read and write."),
    )  # fmt: skip
    days = forms.ChoiceField(label=gettext_lazy("Expires after"), choices=DAYS, required=False, initial="90")
    scopes = forms.MultipleChoiceField(required=False)
    field_order = ("name", "everything", "scopes", "selector", "days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(f"{name}:{verb}", "") for name in RESOURCES for verb in ("read", "write")]
        cast("forms.MultipleChoiceField", self.fields["scopes"]).choices = known

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not found.get("everything") and not found.get("scopes") and "scopes" not in self.errors:
            self.add_error("everything", _("Tick at least one thing that the token may open."))
        return found

    def chosen(self) -> list[str]:
        return ["all"] if self.cleaned_data["everything"] else list(self.cleaned_data["scopes"])

    def expires(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return now() + timedelta(days=int(days)) if days else None


class TrailForm(forms.Form):
    """What to look for in the trail; days are of one's own zone."""

    who = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=254)
    target = forms.CharField(label=gettext_lazy("What"), required=False, max_length=200)
    over = forms.CharField(label=gettext_lazy("Over"), required=False, max_length=100)
    to = Day(label=gettext_lazy("To"), required=False)
    # "from" is a word of Python; the address says it as the API does.
    field_order = ("who", "action", "target", "over", "from", "to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = str(self.data.get("action", ""))[:60]
        known = choices()
        if asked not in dict(known):
            known.append((asked, action_name(asked)))  # the noun before the dot, as a link or a program asks
        picked = forms.Select(choices=known)
        self.fields["action"] = forms.CharField(label=_("Action"), required=False, max_length=60, widget=picked)
        self.fields["from"] = Day(label=_("From"), required=False)
        self.order_fields(self.field_order)

    def midnight(self, name: str, days: int = 0) -> datetime | None:
        day = self.cleaned_data.get(name)
        zone = get_current_timezone()
        return datetime.combine(day + timedelta(days=days), time.min, tzinfo=zone) if day else None
