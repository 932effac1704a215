"""Those who are looked at, and those who may change a check, try to get more out of it than is theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from checks import beating, services
from checks.door import PATIENCE, door
from checks.kinds import Outcome, Task, http, registry
from checks.models import Check
from core.errors import Conflict
from tests.checks.pages import Pages

Make = Callable[..., Check]
SECRET = {"headers": {"X-Api-Key": "s3cret", "Accept": "x"}}


def look(target: str, **config: Any) -> Outcome:
    return registry.get("http").look(Task("http", target, config, 2.0))


def patch(client: Client, check: Check, body: dict[str, Any]) -> Any:
    return client.patch(f"/api/v1/checks/{check.uuid}", json.dumps(body), content_type="application/json")


def test_what_a_page_says_is_one_line_that_every_database_takes(pages: Pages, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        "tests.checks.pages._Page.do_json",
        lambda page: page.say(200, b'{"a": "x\\u0000\\n\\u202e' + b"y" * 900 + b'"}'),
    )
    said = look(pages.url("/json"), json="a", value="b").said
    assert said.isprintable()
    assert "\0" not in said
    assert len(Outcome(False, "x" * 9000).said) == 500


def test_every_header_that_is_sealed_stays_behind_at_a_redirect() -> None:
    headers = {"X-Api-Key": "s3cret", "X-Auth-Token": "s3cret", "Accept": "x"}
    assert http._without_secrets(headers, "https://a.test/", "https://b.test/") == {"Accept": "x"}
    assert http._without_secrets(headers, "https://a.test/", "http://a.test/") == {"Accept": "x"}


def test_a_body_goes_to_no_other_host(pages: Pages, monkeypatch: Any) -> None:
    other = pages.url("/").replace("127.0.0.1", "127.0.0.2")
    monkeypatch.setattr("tests.checks.pages._Page.do_moved", lambda page: page.say(307, b"", Location=other))
    found = look(pages.url("/moved"), method="POST", body="pass=word")
    assert found.ok is False
    assert "its own host" in found.said
    assert len(pages.asked) == 1


def test_a_certificate_that_its_reader_cannot_take_ends_nothing(monkeypatch: Any) -> None:
    class Odd(Exception):
        pass

    def read(_der: bytes) -> None:
        raise Odd

    monkeypatch.setattr("cryptography.x509.load_der_x509_certificate", read)
    assert http._ends(b"\x30\x00") is None


def test_kept_secrets_are_not_sent_to_an_address_that_somebody_writes_later(
    api: Callable[..., Client], check: Make, client: Client, person: Callable[..., User]
) -> None:
    made = check(target="https://example.org/a", config=SECRET)
    refused = patch(api(), made, {"target": "https://evil.example/"})
    assert refused.status_code == 400
    assert "target" in refused.json()["fields"]
    with pytest.raises(Conflict):
        services.change(made, {"target": "http://example.org/a"}, by=None)
    client.force_login(person())
    form = {
        "name": made.name, "target": "https://evil.example/", "tags": "", "method": "GET", "status": "200",
        "redirects": "5", "headers": "X-Api-Key: (kept)", "interval": "60", "timeout": "1", "retries": "1",
        "window": "600", "do": "try",
    }  # fmt: skip
    shown = client.post(f"/checks/{made.uuid}/edit/", form).content.decode()
    assert "Write its secret headers again" in shown
    made.refresh_from_db()
    assert made.target == "https://example.org/a"
    assert patch(api(), made, {"target": "https://example.org/b"}).status_code == 200
    new = {"target": "https://other.example/", "config": {"headers": {"X-Api-Key": "another"}}}
    assert patch(api(), made, new).status_code == 200
    row = Check.objects.get(pk=made.pk)
    assert services.task(row).config["headers"] == {"X-Api-Key": "another"}


def test_a_secret_that_cannot_be_sent_is_refused_when_it_is_changed(api: Callable[..., Client], check: Make) -> None:
    made = check(target="https://example.org/", config=SECRET)
    refused = patch(api(), made, {"config": {"headers": {"X-Api-Key": "a\r\nEvil: 1"}}})
    assert refused.status_code == 400
    assert "line break" in str(refused.json()["fields"])


def test_what_signs_in_is_shown_to_those_who_may_change_it(
    api: Callable[..., Client], person: Callable[..., User], team: Team, check: Make
) -> None:
    made = check(target="https://example.org/login", config={"method": "POST", "body": "pass=word"})
    assert api().get(f"/api/v1/checks/{made.uuid}").json()["config"]["body"] == "pass=word"
    assert api(person("viewer")).get(f"/api/v1/checks/{made.uuid}").json()["config"]["body"] == "(kept)"


@pytest.mark.django_db(transaction=True)
def test_a_signal_that_drips_ends_in_time(check: Make, monkeypatch: Any) -> None:
    made = check("heartbeat")
    monkeypatch.setattr("checks.door.PATIENCE", 0.2)
    assert PATIENCE == 20
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b".", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"path": f"/ping/{made.ping_key}", "method": "POST", "client": ("192.0.2.1", 1)}
    asyncio.run(asyncio.wait_for(door(scope, receive, send), 3))
    assert sent[0]["status"] == 408


def test_a_team_has_a_bound_of_checks_which_both_doors_say(
    api: Callable[..., Client], check: Make, client: Client, person: Callable[..., User], team: Team, monkeypatch: Any
) -> None:
    check("tcp", target="example.org:1")
    monkeypatch.setattr(services, "MOST_OF_TEAM", 1)
    body = {"name": "one more", "kind": "tcp", "target": "example.org:2"}
    refused = api().post("/api/v1/checks", body, content_type="application/json")
    assert (refused.status_code, refused.json()["error"]) == (409, "too_many")
    client.force_login(person())
    form = {
        **body, "place": f"team {team.uuid}", "tags": "", "interval": "60", "timeout": "1", "retries": "1",
        "window": "600",
    }  # fmt: skip
    shown = client.post("/checks/new/?kind=tcp", form)
    assert shown.status_code == 200
    assert "at most 1 checks" in shown.content.decode()


def test_rows_are_held_in_one_order_whoever_asks(check: Make) -> None:
    made = [check("heartbeat").pk for _ in range(3)]
    rows = beating.in_order(reversed(made))
    assert rows.query.order_by == ("check_ref_id",)
