"""A NUL in an address: PostgreSQL takes none in a text, so it was a 500 wherever something was looked for by it."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize("address", ["/api/v1/search?q=a%00b", "/api/v1/tokens?team=%00", "/api/v1/silences/%00"])
def test_a_program_is_told_in_a_sentence(address: str) -> None:
    reply = Client().get(address)
    assert (reply.status_code, reply.json()["error"]) == (400, "bad_request")
    assert "NUL" in reply.json()["detail"]


@pytest.mark.parametrize("address", ["/list/?search=%00", "/agent/%00"])
def test_a_person_sees_a_page(address: str) -> None:
    reply = Client().get(address)
    assert (reply.status_code, reply.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert reply.headers["X-Frame-Options"] == "DENY"
