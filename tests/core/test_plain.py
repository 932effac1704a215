"""What the API refuses is said in our own sentences, with the first fault, the count of the rest, and a code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core import plain
from core.errors import answer

FRAMEWORK = re.compile(r"this field|^ensure|^expected|invalid data|is required\.|a valid|wrong format")


class Asked(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=3)
    number = serializers.IntegerField(min_value=0)
    at = serializers.DateTimeField(required=False)
    words = serializers.ListField(child=serializers.CharField(), required=False)


def refused(data: Any) -> dict[str, Any]:
    asked = Asked(data=data)
    with pytest.raises(ValidationError) as fault:
        asked.is_valid(raise_exception=True)
    response = answer(fault.value, {})
    assert response is not None
    assert (response.status_code, response.data["error"]) == (400, "invalid")
    return dict(response.data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "This must be an object with names and values, not a list."),
        ({"name": "a"}, "number: This is needed and was not given."),
        ({"name": "", "number": 1}, "name: This must not be empty."),
        ({"name": "long", "number": 1}, "name: This may have at most 3 characters."),
        ({"name": None, "number": 1}, "name: This needs a value, not null."),
        ({"name": "a", "number": -1}, "number: This must be 0 or more."),
        ({"name": "a", "number": "x"}, "number: This must be a whole number."),
        ({"name": "a", "number": 1, "words": 3}, "words: This must be a list, such as [1, 2]."),
        ({"name": "", "number": -1}, "name: This must not be empty … and 1 more field."),
        ({"name": "", "number": -1, "at": "x"}, "name: This must not be empty … and 2 more fields."),
    ],
)
def test_what_is_wrong_is_said_in_our_own_words(data: Any, said: str) -> None:
    assert refused(data)["detail"] == said


def test_a_wrong_time_is_answered_with_an_example() -> None:
    said = refused({"name": "a", "number": 1, "at": "soon"})["detail"]
    assert said.startswith("at: This is no time. Write it as ")
    assert said.endswith("such as 2026-11-21T18:40:00Z.")


def test_the_sentences_follow_the_language_and_the_codes_do_not() -> None:
    with translation.override("da"):
        told = refused({"name": "", "number": -1})
    assert told["detail"] == "name: Dette må ikke være tomt … og 1 felt mere."
    assert told["error"] == "invalid"
    assert [one.code for one in told["fields"]["name"]] == ["blank"]


def test_no_field_in_use_speaks_as_the_framework_does() -> None:
    for kind in plain.SENTENCES:
        for code, said in kind.default_error_messages.items():
            assert not FRAMEWORK.search(str(said).lower()), f"{kind.__name__}.{code}: {said}"


def test_a_wrong_page_or_format_is_a_wrong_request_and_no_missing_place(api: Callable[..., Client], db: None) -> None:
    asking = api()

    def say(query: str) -> tuple[int, str, str]:
        reply = asking.get(f"/api/v1/{query}")
        return reply.status_code, reply.json()["error"], reply.json()["detail"]

    assert say("notices?from=x&format=zip") == (
        400, "bad_format", "There is no such format here. `format` may be: json, csv.",
    )  # fmt: skip
    for page in ("0", "x", "-1", "9" * 99):
        assert say(f"incidents?page={page}") == (400, "bad_page", "`page` is a number from 1 on.")
    assert say("incidents?page=7") == (404, "not_found", "There is no page 7: the last one is 1.")
    assert asking.get("/api/v1/incidents?page=last").status_code == 200
    broken = asking.post("/api/v1/checks", b'{"a": }', content_type="application/json")
    assert (broken.status_code, broken.json()["detail"]) == (400, "The body is no JSON: look at line 1, column 7.")
