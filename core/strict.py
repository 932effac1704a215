"""What a program asks in words nobody knows is refused: a misspelt `dry_run` must not change anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer

from core import selector
from core.errors import Failure

MOST_NAMED = 5


class Strict(serializers.Serializer[Any]):
    """A serializer that refuses keys it does not know, and says which ones it does.

    What may only be read may come along, unused: people send back what they got.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            self._refuse_unknown(data)
            self._refuse_incomplete(data)
        return super().to_internal_value(data)

    def _refuse_incomplete(self, data: Mapping[str, Any]) -> None:
        """Rows inside of what is changed in part are given whole: the framework would let each lack anything."""
        if isinstance(self.parent, serializers.ListSerializer) and getattr(self.root, "partial", False):
            lacks = [name for name, field in self.fields.items() if field.required and name not in data]
            if lacks:
                raise serializers.ValidationError(
                    {name: [self.fields[name].error_messages["required"]] for name in lacks}
                )

    def _refuse_unknown(self, data: Mapping[str, Any]) -> None:
        unknown = [key for key in data if key not in self.fields][:MOST_NAMED]
        if unknown:
            known = ", ".join(sorted(name for name, field in self.fields.items() if not field.read_only))
            text = f"Nothing is known by this name. Known are: {known}."
            raise serializers.ValidationError({str(key)[:60]: [text] for key in unknown})


class Selecting(Strict):
    """One that takes a selector; what cannot be read is said as the parser says it."""

    def validate_selector(self, value: str) -> str:
        try:
            selector.given(value)
        except selector.Unreadable as fault:
            raise serializers.ValidationError(str(fault)) from fault
        return value


_UNKEPT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # written so, as JSON allows


class Json(JSONParser):
    """JSON whose texts can be kept and sent back: no database takes NUL, nothing encodes half a character."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read()
        try:
            found = super().parse(BytesIO(body), media_type, parser_context)
            unkept = _UNKEPT.search(body) and any("\0" in text or _halved(text) for text in _texts(found))
        except RecursionError as error:
            raise ParseError("This is nested too deeply.") from error
        except ParseError as error:
            raise _unreadable(error) from error
        if unkept:
            raise ParseError("A text has a character that cannot be kept: NUL, or half of one such as \\ud800.")
        return found


def _unreadable(error: ParseError) -> ParseError:
    fault = error.__context__
    if isinstance(fault, json.JSONDecodeError):
        where = {"line": fault.lineno, "column": fault.colno}
        return ParseError(_("The body is no JSON: look at line %(line)d, column %(column)d.") % where)
    return ParseError(_("The body is no JSON: it must be in UTF-8, and numbers must be finite."))


class Formats(DefaultContentNegotiation):
    """`?format=` that an address does not have is a wrong word, not a place that is not there."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:  # noqa: A002 - theirs
        known = list(renderers)
        found = [one for one in known if one.format == format]
        if not found:
            names = ", ".join(str(one.format) for one in known)
            detail = _("There is no such format here. `format` may be: %(known)s.") % {"known": names}
            raise Failure(detail, code="bad_format")
        return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _texts(list(pair))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _halved(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
