"""Slack against a receiver that answers like it: threads, updates, refusals, and the button's way back."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import Team, User
from alerts.channels.base import DeliveryError
from alerts.channels.slack import Slack
from alerts.models import Channel, Incident
from tests.alerts.telling import Desk, message, open_loopback
from tests.sinks import Received, Reply, WebhookSink

SECRET = "8f742231b10e"


class FakeSlack:
    """Answers each method as Slack does; `fault` is what it refuses everything with."""

    def __init__(self) -> None:
        self.fault: Reply | None = None
        self.mail = ""
        self.count = 0

    def __call__(self, received: Received) -> Reply:
        if self.fault:
            return self.fault
        method = received.path.rpartition("/")[2]
        if method == "users.info":
            return Reply(200, {"ok": True, "user": {"id": "U1", "profile": {"email": self.mail}}})
        self.count += 1
        return Reply(200, {"ok": True, "channel": "C024BE91L", "ts": f"1405894322.00000{self.count}"})


@pytest.fixture
def fake() -> FakeSlack:
    return FakeSlack()


@pytest.fixture
def sink(fake: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookSink]:
    open_loopback(monkeypatch)
    with WebhookSink(fake) as made:
        yield made


@pytest.fixture
def config(sink: WebhookSink) -> dict[str, Any]:
    base = f"http://127.0.0.1:{sink.port}/api/"
    return {"token": "xoxb-1", "channel": "#ops", "signing_secret": SECRET, "api_url": base}


def test_a_trouble_is_one_message_that_changes_and_a_thread_below_it(
    sink: WebhookSink, config: dict[str, Any]
) -> None:
    kind = Slack(config)
    begun = kind.send(message(), "")
    assert begun.reference == "C024BE91L:1405894322.000001"
    kind.send(message(event="repeat", thread=begun.reference), "")
    ended = kind.send(message(event="resolved", thread=begun.reference, ended=True), "")
    assert ended.reference == begun.reference
    first, repeat, update, end = sink.requests
    assert (first.path, first.headers["Authorization"]) == ("/api/chat.postMessage", "Bearer xoxb-1")
    assert first.json["channel"] == "#ops"
    assert "&lt;hot&gt;" in first.json["text"]
    buttons = first.json["blocks"][-1]["elements"]
    assert [one.get("action_id") for one in buttons] == ["acknowledge", None]
    assert (repeat.json["thread_ts"], repeat.json["channel"]) == ("1405894322.000001", "C024BE91L")
    assert (update.path, update.json["ts"]) == ("/api/chat.update", "1405894322.000001")
    assert all("action_id" not in one for one in update.json["blocks"][-1]["elements"])
    assert end.json["thread_ts"] == "1405894322.000001"


@pytest.mark.parametrize(
    ("reply", "permanent", "fault", "after"),
    [
        (Reply(200, {"ok": False, "error": "token_revoked"}), True, True, None),
        (Reply(200, {"ok": False, "error": "channel_not_found"}), True, True, None),
        (Reply(200, {"ok": False, "error": "invalid_blocks"}), True, False, None),
        (Reply(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "3"}), False, False, 3.0),
        (Reply(503, "upstream"), False, False, None),
        (Reply(200, "<html>sign in to the hotel's net"), False, False, None),
        (Reply(200, "[]"), False, False, None),
    ],
)
def test_refusals_say_whether_the_channel_is_at_fault(
    fake: FakeSlack, config: dict[str, Any], reply: Reply, permanent: bool, fault: bool, after: float | None
) -> None:
    fake.fault = reply
    with pytest.raises(DeliveryError) as refused:
        Slack(config).send(message(), "")
    error = refused.value
    assert (error.permanent, error.fault, error.after) == (permanent, fault, after)


def test_an_incoming_webhook_that_was_removed_is_not_asked_again(sink: WebhookSink, fake: FakeSlack) -> None:
    fake.fault = Reply(200, "ok")
    kind = Slack({"url": f"http://127.0.0.1:{sink.port}/services/T/B/X"})
    assert kind.send(message(answer_url="https://w.example.org/a/"), "").answer == "200 ok"
    assert sink.requests[0].json["blocks"][-1]["elements"][0]["url"] == "https://w.example.org/a/"
    fake.fault = Reply(404, "no_service")
    with pytest.raises(DeliveryError, match="no_service") as refused:
        kind.send(message(), "")
    assert refused.value.permanent
    assert refused.value.fault


def test_without_a_token_it_says_where_to_write_one() -> None:
    with pytest.raises(DeliveryError, match="SLACK_BOT_TOKEN"):
        Slack({"channel": "#ops"}).send(message(), "")


@pytest.fixture
def told(team: Team, config: dict[str, Any]) -> Incident:
    desk = Desk(team)
    incident = desk.incident()
    desk.delivery(desk.channel("slack", "slack", config), incident=incident)
    return incident


def press(incident: Incident, *, secret: str = SECRET, at: float | None = None, payload: Any = None) -> Any:
    action = {"action_id": "acknowledge", "type": "button", "value": str(incident.uuid)}
    usual = {"type": "block_actions", "user": {"id": "U1", "username": "ada"}, "actions": [action]}
    body = urlencode({"payload": payload or json.dumps(usual)})
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}"}
    form = "application/x-www-form-urlencoded"
    return Client().post("/api/hooks/slack", body, content_type=form, headers=headers)


def test_the_button_acknowledges_as_the_person_with_that_address(
    told: Incident, fake: FakeSlack, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, slack = person("operator"), Channel.objects.get()
    fake.mail = ada.email.upper()
    open_loopback(monkeypatch, slack_api_url=slack.config["api_url"])
    slack.config = {name: value for name, value in slack.config.items() if name != "api_url"}
    slack.save()
    assert press(told).status_code == 200
    told.refresh_from_db()
    assert (told.acknowledged_by, told.acknowledged_over) == (ada, "slack")


def test_an_address_that_somebody_typed_in_says_of_nobody_who_they_are(
    told: Incident, fake: FakeSlack, person: Callable[..., User]
) -> None:
    fake.mail = person("operator").email
    press(told)
    told.refresh_from_db()
    assert (told.state, told.acknowledged_by) == ("acknowledged", None)


def test_whoever_is_unknown_here_is_named(told: Incident) -> None:
    assert press(told).status_code == 200
    told.refresh_from_db()
    assert told.state == "acknowledged"
    assert told.notices.get(kind="acknowledged").text.startswith("Slack user ada looks after it")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_persons_own_channel_takes_for_who_may_act_alone(
    team: Team, config: dict[str, Any], person: Callable[..., User], role: str
) -> None:
    desk = Desk(team)
    incident = desk.incident()
    desk.delivery(desk.channel("mine", "slack", config, owner=person(role)), incident=incident)
    press(incident)
    incident.refresh_from_db()
    assert incident.state == ("acknowledged" if role == "operator" else "open")


@pytest.mark.parametrize("payload", ["[]", "7", '{"actions": 5}', '{"actions": [7]}', '{"user": "\\u0000"}', "{"])
def test_what_is_signed_and_unreadable_is_said_to_be_so(told: Incident, payload: str) -> None:
    assert press(told, payload=payload).status_code == 400


def test_a_stamp_of_many_digits_is_refused(told: Incident) -> None:
    assert Client().post("/api/hooks/slack", headers={"X-Slack-Request-Timestamp": "9" * 5000}).status_code == 401


def test_forged_and_old_requests_do_nothing(told: Incident) -> None:
    assert press(told, secret="another").status_code == 401
    assert press(told, at=time.time() - 330).status_code == 401
    assert press(told, at=time.time() + 330).status_code == 401
    told.refresh_from_db()
    assert told.state == "open"


def test_a_signature_opens_no_incident_that_this_slack_was_not_told_of(told: Incident, other_team: Team) -> None:
    foreign = Desk(other_team).incident()
    assert press(foreign).status_code == 200
    foreign.refresh_from_db()
    assert foreign.state == "open"
    assert Channel.objects.count() == 1
