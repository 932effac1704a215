"""What no database takes as it is: it is cleaned or refused, and never a 5xx that a sender repeats for ever."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, IntegrityError
from django.test import Client

from metrics.names import layout_hash
from servers import services
from servers.models import Event, FactSheet
from tests.conftest import Machine

SAMPLE = f'"samples": [{{"t": {time.time()}, "m": {{"cpu_used_percent": 1}}}}]'


@pytest.fixture
def web(machine: Callable[..., Machine]) -> Machine:
    made = machine("web-1")
    made.client.raise_request_exception = False
    return made


@pytest.mark.parametrize("value", ["NaN", "1e999", "-Infinity", '"a\\u0000b"', '"\\ud800"', "9" * 400])
def test_odd_facts_and_fields_of_events_are_cleaned(web: Machine, value: str) -> None:
    facts = '"facts": {"document": {"a\\u0000": {"k\\ud800": VALUE}}}'
    events = '"events": [{"t": 1, "kind": "k\\u0000", "text": "t\\ud800", "fields": {"x\\u0000": VALUE}}]'
    reply = web.post(f"{{{SAMPLE}, {facts}, {events}}}".replace("VALUE", value).encode())
    assert (reply.status_code, reply.json()["refused"]) == (200, [])
    (event,), (sheet,) = Event.objects.all(), FactSheet.objects.all()
    for kept in (event.fields["x"], sheet.document["a"]["k?"]):
        json.dumps(kept, allow_nan=False).encode()
        assert "\0" not in str(kept)
    assert (event.kind, event.text) == ("k", "t?")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", 'a{b="\ud800"}', 'a{b="\0"}', 'a{b="' + "ü" * 1500 + '"}'])
def test_odd_names_are_refused_alone(web: Machine, name: str) -> None:
    columns = ["cpu_used_percent", name]
    rows = [[time.time(), 1, 2]]
    posted = {"boot": "b", "layout": layout_hash(columns), "columns": columns, "rows": rows}
    for seq in (1, 2):
        reply = web.post(json.dumps({**posted, "seq": seq}).encode()).json()
        assert (reply["accepted"], len(reply["refused"])) == (1, 1)
    del posted["columns"]
    assert web.post({**posted, "seq": 3}).json()["accepted"] == 1, "what it said once is known, refused names too"
    by_hand = {"samples": [{"t": time.time(), "m": {"cpu_used_percent": 1, name: 2}}]}
    assert web.post(json.dumps(by_hand).encode()).json()["accepted"] == 1


@pytest.mark.parametrize("field", ["boot", "layout"])
@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 70])
def test_odd_identities_are_refused_as_a_whole(web: Machine, field: str, text: str) -> None:
    posted: dict[str, Any] = {"boot": "b", "seq": 1, "layout": "x", "rows": [[time.time(), 1]], field: text}
    for columns in ({}, {"columns": ["a"]}):
        assert 400 <= web.post(json.dumps({**posted, **columns}).encode()).status_code < 500


@pytest.mark.parametrize("fault", [DataError, IntegrityError, ValueError])
def test_extras_that_the_database_does_not_take_are_refused(
    web: Machine, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    def broken(*_: Any) -> None:
        raise fault("no")

    monkeypatch.setattr(services, "set_facts", broken)
    reply = web.post(f'{{{SAMPLE}, "facts": {{"document": {{"a": {{"b": 1}}}}}}}}'.encode())
    assert (reply.status_code, reply.json()["accepted"]) == (200, 1)
    assert reply.json()["refused"][0]["column"] == "facts"


def test_an_enrolment_is_cleaned_too(client: Client, team: Any, transactional_db: None) -> None:
    client.raise_request_exception = False
    token = services.make_enrolment(team, "x", reusable=True)
    facts = {"o" * 200: {"k\0": "v\0" * 3000}, "os": {"name": "Debian"}}
    asked = {"token": token, "hostname": "web\0-1", "fingerprint": "f\0", "facts": facts}

    def post(**more: Any) -> int:
        return client.post("/api/v1/enrol", {**asked, **more}, content_type="application/json").status_code

    assert post() == 201
    assert post(facts={"a": {"b": 10**30}}) == 201
    assert post(token="wke_" + "\0" * 16 + "." + "x" * 40) == 401
    assert post(fingerprint="\0 \0") == 400
    assert client.post("/api/v1/enrol", b'{"token": "\\ud800"}', content_type="application/json").status_code == 400
