"""What the framework refuses, in our own plain sentences: one table for every door of the API; codes stay its own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, fields, relations, serializers, validators

_NUMBER = {
    "min_value": _("This must be {min_value} or more."),
    "max_value": _("This must be {max_value} or less."),
    "max_string_length": _("This number is too long."),
}
_LIST = {
    "not_a_list": _("This must be a list, such as [1, 2]."),
    "empty": _("This list needs at least one entry."),
    "min_length": _("This list is too short: {min_length} or more are needed."),
    "max_length": _("This list may have at most {max_length} entries."),
}
_CHOICE = {"invalid_choice": _('"{input}" cannot be chosen here. The description of the API lists what can.')}
_WRONG_ID = {
    "required": _("This is needed and was not given."),
    "does_not_exist": _('There is no "{pk_value}" here that you may see.'),
    "incorrect_type": _("This must be an id."),
}

SENTENCES: dict[type[Any], dict[str, Any]] = {
    fields.Field: {"required": _("This is needed and was not given."), "null": _("This needs a value, not null.")},
    fields.BooleanField: {"invalid": _("This must be true or false.")},
    fields.CharField: {
        "invalid": _("This must be a text."),
        "blank": _("This must not be empty."),
        "max_length": _("This may have at most {max_length} characters."),
        "min_length": _("This needs at least {min_length} characters."),
    },
    fields.EmailField: {"invalid": _("This is no e-mail address. Write one such as ana@example.org.")},
    fields.RegexField: {"invalid": _("This is not written as it must be.")},
    fields.URLField: {"invalid": _("This is no address. Write one such as https://example.org/.")},
    fields.UUIDField: {"invalid": _("This is no id. Write one such as 123e4567-e89b-42d3-a456-426614174000.")},
    fields.IPAddressField: {"invalid": _("This is no IP address. Write one such as 192.0.2.1 or 2001:db8::1.")},
    fields.IntegerField: {"invalid": _("This must be a whole number."), **_NUMBER},
    fields.FloatField: {
        "invalid": _("This must be a number."),
        "overflow": _("This number is too large."),
        **_NUMBER,
    },
    fields.DateTimeField: {
        "invalid": _("This is no time. Write it as {format}, such as 2026-11-21T18:40:00Z."),
        "date": _("This is a day; a time is needed, such as 2026-11-21T18:40:00Z."),
        "make_aware": _("There is no such time in the time zone {timezone}."),
        "overflow": _("This time is too far away."),
    },
    fields.DateField: {
        "invalid": _("This is no day. Write one such as 2026-11-21."),
        "datetime": _("This is a time; a day is needed, such as 2026-11-21."),
    },
    fields.TimeField: {"invalid": _("This is no time of day. Write one such as 18:40.")},
    fields.ChoiceField: _CHOICE,
    fields.MultipleChoiceField: {**_CHOICE, "not_a_list": _LIST["not_a_list"], "empty": _LIST["empty"]},
    fields.ListField: _LIST,
    fields.DictField: {"not_a_dict": _("This must be an object with names and values."), "empty": _LIST["empty"]},
    fields.JSONField: {"invalid": _("This must be JSON.")},
    serializers.Serializer: {"invalid": _("This must be an object with names and values, not a {datatype}.")},
    serializers.ListSerializer: _LIST,
    relations.PrimaryKeyRelatedField: _WRONG_ID,
    relations.SlugRelatedField: {
        "does_not_exist": _('There is no "{value}" here that you may see.'),
        "invalid": _("This must be a name or an id, as a text."),
    },
    relations.ManyRelatedField: {"not_a_list": _LIST["not_a_list"], "empty": _LIST["empty"]},
}
REFUSALS: dict[type[exceptions.APIException], Any] = {
    exceptions.ParseError: _("This request cannot be read."),
    exceptions.NotAuthenticated: _("Sign in, or send an API token: Authorization: Bearer wkt_…"),
    exceptions.AuthenticationFailed: _("This way of signing in is not valid. Sign in anew, or make a new token."),
    exceptions.PermissionDenied: _("Your role does not allow this. Ask an admin of the team."),
    exceptions.MethodNotAllowed: _("This address does not take {method}."),
    exceptions.NotAcceptable: _("There is no answer here of the kind that Accept asks for. JSON there is."),
    exceptions.UnsupportedMediaType: _('This address does not read "{media_type}". Send what its description says.'),
    exceptions.Throttled: _("That was too much at once. Try again in a while."),
}


def speak() -> None:
    """Put our sentences where the framework looks for its own, before any field is made for a request."""
    for kind, said in SENTENCES.items():
        kind.default_error_messages = {**kind.default_error_messages, **said}
    for refusal, sentence in REFUSALS.items():
        refusal.default_detail = sentence
    validators.UniqueValidator.message = _("This is taken already.")
    validators.UniqueTogetherValidator.message = _("There is one with the same {field_names} already.")
    throttled: Any = exceptions.Throttled
    throttled.extra_detail_singular = _("It is free again in {wait} second.")
    throttled.extra_detail_plural = _("It is free again in {wait} seconds.")
