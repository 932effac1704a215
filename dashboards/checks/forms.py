"""A check as a form: the fields of its kind; what is wrong with it is said by the checks themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.base import MANAGE
from accounts.models import Team, User
from checks import services
from checks.models import Check
from dashboards.told import told
from servers.models import Server
from servers.services import tags_of

HTTP = ("method", "status", "text", "no_text", "json", "value", "redirects", "verify", "headers", "body")
OF_KIND: dict[str, tuple[str, ...]] = {
    "http": HTTP, "tcp": ("expect",), "ping": (), "dns": ("record", "server_asked", "expect"),
    "heartbeat": ("period", "cron", "zone", "grace", "longest"),
}  # fmt: skip
NAMED = {"server_asked": "server"}
TARGETS = {
    "http": gettext_lazy("Address, such as https://shop.example.org/"),
    "tcp": gettext_lazy("Host and port, such as db.example.org:5432"),
    "ping": gettext_lazy("Host name or address"), "dns": gettext_lazy("Name to ask for, such as example.org"),
}  # fmt: skip
RECORDS = ("A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR")
FIRST = (
    "name", "target", "place", "interval", "status", "text", "record", "expect", "period", "cron", "zone", "grace"
)  # fmt: skip
LOOKED = ("interval", "timeout", "retries", "window", "by_agent")


def _number(label: Any, help_text: Any = "", **more: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, min_value=0, max_value=10**8, **more)


def _text(label: Any, help_text: Any = "", *, most: int = 200, area: bool = False) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 3}) if area else None
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=most, widget=widget)


class CheckForm(forms.Form):
    """All fields there are; each form keeps those of its kind."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    target = forms.CharField(max_length=2000)
    place = forms.ChoiceField(
        label=gettext_lazy("Belongs to"),
        help_text=gettext_lazy("A server, whose page and alerts it joins; or it stands alone."),
    )
    tags = _text(gettext_lazy("Tags, separated by commas"), gettext_lazy("Of a check that stands alone."), most=2000)
    by_agent = forms.BooleanField(label=gettext_lazy("Let the server's own agent look"), required=False)
    method = forms.ChoiceField(
        label=gettext_lazy("Method"), choices=[(one, one) for one in ("GET", "HEAD", "POST", "PUT")]
    )
    status = forms.CharField(label=gettext_lazy("Status that is well"), max_length=200, initial="200-299")
    text = _text(gettext_lazy("Text that must be there"))
    no_text = _text(gettext_lazy("Text that must not be there"))
    json = _text(gettext_lazy("Path in its JSON"), gettext_lazy("Such as status.parts[0].ok"))
    value = _text(gettext_lazy("Value at that path"))
    redirects = _number(gettext_lazy("Redirects to follow"), initial=5)
    verify = forms.BooleanField(label=gettext_lazy("Its certificate must be valid"), required=False, initial=True)
    headers = _text(gettext_lazy("Headers, one a line"), gettext_lazy("Name: value"), most=10_000, area=True)
    body = _text(gettext_lazy("Body to send"), most=10_000, area=True)
    record = forms.ChoiceField(label=gettext_lazy("Record"), choices=[(one, one) for one in RECORDS])
    server_asked = _text(gettext_lazy("Name server to ask"), gettext_lazy("Empty: the one of this system."))
    expect = _text(gettext_lazy("Text that must be in the answer"))
    period = _number(gettext_lazy("Seconds between two signals"), initial=86_400)
    cron = _text(gettext_lazy("Or a cron line"), gettext_lazy("Such as 30 3 * * 1-5. It counts before the seconds."))
    zone = forms.CharField(label=gettext_lazy("Time zone of the cron line"), max_length=64, initial="UTC")
    grace = _number(gettext_lazy("Seconds that a signal may be late"), initial=3600)
    longest = _number(
        gettext_lazy("Seconds that it may run"), gettext_lazy("After its start signal; 0: as long as the above."),
        initial=0,
    )  # fmt: skip
    interval = _number(gettext_lazy("Seconds between two looks"), initial=60)
    timeout = _number(gettext_lazy("Seconds to wait for an answer"), initial=10)
    retries = _number(gettext_lazy("Failed tries before it is down"), initial=1)
    window = _number(gettext_lazy("Seconds over which its share of errors counts"), initial=600)
    paused = forms.BooleanField(label=gettext_lazy("Paused"), required=False)

    def __init__(self, user: User, kind: str, check: Check | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.kind, self.check = user, kind, check
        self._keep()
        if check is None:
            self.fields["place"].choices = self._places()  # type: ignore[attr-defined]
        else:
            self.initial = {**self.initial, **_initial(check)}

    def _keep(self) -> None:
        kept = {"name", "paused", "place", "tags", *OF_KIND[self.kind]}
        if self.kind != "heartbeat":
            kept |= {"target", *LOOKED}
            self.fields["target"].label = TARGETS[self.kind]
        if self.check is not None:
            kept -= {"place", "by_agent"} | (set() if self.check.alone else {"tags"})
        for name in self.fields.keys() - kept:
            del self.fields[name]

    def first(self) -> list[forms.BoundField]:
        return [one for one in self.visible_fields() if one.name in FIRST]

    def rest(self) -> list[forms.BoundField]:
        """What most leave as it is; it is unfolded where something in it is wrong."""
        return [one for one in self.visible_fields() if one.name not in FIRST]

    def rest_wrong(self) -> bool:
        return any(one.errors for one in self.rest())

    def _places(self) -> list[tuple[str, str]]:
        teams = Team.objects.visible_to(self.user, MANAGE).order_by("name")
        servers = Server.objects.visible_to(self.user, MANAGE).order_by("name").values_list("uuid", "name")
        alone = [(f"team {team.uuid}", _("Stands alone (team %(name)s)") % {"name": team.name}) for team in teams]
        return [*alone, *((f"server {uuid}", name) for uuid, name in servers)]

    def clean_tags(self) -> list[str]:
        try:
            return tags_of(self.cleaned_data["tags"].split(","))
        except ValueError as fault:
            raise forms.ValidationError(str(fault)) from fault

    def clean_headers(self) -> dict[str, str]:
        found = {}
        for line in self.cleaned_data["headers"].splitlines():
            name, colon, value = line.partition(":")
            if line.strip() and not colon:
                raise forms.ValidationError(_("Write each line as Name: value."))
            if line.strip():
                found[name.strip()] = value.strip()
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            candidate = self.made()
            moved = services.moved(self.check, candidate.target, candidate.config) if self.check else []
            for field, said in services.faults(candidate) + moved:
                self.add_error(self._at(field, said), told(said))
            if services.taken(candidate.team, candidate.name, self.check):
                self.add_error("name", _("This name is taken in the team."))
        return cleaned

    def _at(self, field: str, said: str) -> str | None:
        """The field that a fault is about; of settings that could not be read at all the sentence names it."""
        setting = field.partition(".")[2] or said.partition(":")[0]
        name = next((ours for ours, named in NAMED.items() if named == setting), setting)
        if field.startswith("config"):
            return name if name in self.fields else None
        return field if field in self.fields else None

    def wanted(self) -> dict[str, Any]:
        """What is settled here, by the names of columns."""
        cleaned = self.cleaned_data
        config = {NAMED.get(name, name): cleaned[name] for name in OF_KIND[self.kind]}
        plain = ("name", "target", "interval", "timeout", "retries", "window", "paused")
        return {**{name: cleaned[name] for name in plain if name in cleaned}, "config": config}

    def made(self) -> Check:
        """The check as it would be, not kept."""
        fields = self.wanted()
        if self.check is not None:
            return Check(
                pk=self.check.pk, team=self.check.team, kind=self.kind, by_agent=self.check.by_agent,
                secrets=self.check.secrets, **fields,
            )  # fmt: skip
        server = self.server()
        team = server.team if server else self._team()
        return Check(team=team, kind=self.kind, by_agent=bool(self.cleaned_data.get("by_agent") and server), **fields)

    def server(self) -> Server | None:
        what, _space, uuid = self.cleaned_data["place"].partition(" ")
        rows = Server.objects.visible_to(self.user, MANAGE).select_related("team")
        return rows.filter(uuid=uuid).first() if what == "server" else None

    def _team(self) -> Team:
        uuid = self.cleaned_data["place"].partition(" ")[2]
        return Team.objects.visible_to(self.user, MANAGE).get(uuid=uuid)


def _initial(check: Check) -> dict[str, Any]:
    config = {name: check.config.get(NAMED.get(name, name)) for name in OF_KIND[check.kind]}
    config = {name: value for name, value in config.items() if value is not None}
    if "headers" in config:
        config["headers"] = "\n".join(f"{name}: {value}" for name, value in config["headers"].items())
    plain = ("name", "target", "interval", "timeout", "retries", "window", "paused")
    return {
        **config, **{name: getattr(check, name) for name in plain}, "tags": ", ".join(map(str, check.server.tags))
    }  # fmt: skip
