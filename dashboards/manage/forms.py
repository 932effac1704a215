"""What people say of a server on its page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from servers.models import Server
from servers.services import tags_of


class ServerForm(forms.ModelForm):
    """The same fields as over the API; saving is the service's."""

    tags = forms.CharField(label=_("Tags, separated by commas"), required=False, max_length=2000)

    class Meta:
        model = Server
        fields = ("name", "tags", "role", "site", "environment", "interval", "paused")
        labels = {
            "name": _("Name"), "role": _("Role"), "site": _("Site"), "environment": _("Environment"),
            "interval": _("Seconds between two reports"), "paused": _("Paused: it reports on, and nobody is told"),
        }  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = ", ".join(map(str, self.instance.tags))

    def clean_tags(self) -> list[str]:
        try:
            return tags_of(self.cleaned_data["tags"].split(","))
        except ValueError as fault:
            raise forms.ValidationError(str(fault)) from fault
