"""Channels in the hands of somebody who wants more than to be told: tokens, files, headers, other people's phones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Audit, Team, User
from alerts.channels.apprise import AppriseChannel
from alerts.channels.base import DeliveryError
from alerts.channels.email import Email
from alerts.channels.slack import Slack
from alerts.channels.sms import Sms
from alerts.delivery import deliver_due, trying
from alerts.models import Channel, Delivery
from tests.alerts.telling import Desk, message, open_loopback
from tests.sinks import Reply, WebhookSink

SMS = {"to": ["+4520123456"], "from": "+15557654321"}


def test_credentials_of_the_environment_go_to_no_address_that_somebody_typed_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_loopback(monkeypatch, slack_token="xoxb-ours", twilio_account="AC1", twilio_token="ours")
    with WebhookSink(Reply(200, {"ok": True})) as thief:
        there = f"http://127.0.0.1:{thief.port}"
        with pytest.raises(DeliveryError, match="No Slack token"):
            Slack({"channel": "#x", "api_url": there}).send(message(), "")
        with pytest.raises(DeliveryError, match="No SMS account"):
            Sms({**SMS, "account": "AC1", "api_url": there}).send(message(), "+4520123456")
    assert thief.requests == []


def test_a_kept_token_does_not_follow_to_another_address(api: Callable[..., Client], team: Team) -> None:
    config = {"channel": "#x", "token": "xoxb-1", "signing_secret": "s"}
    slack = Desk(team).channel("ops", "slack", config)
    client = api()

    def change(**more: str) -> Any:
        body = {"config": {"channel": "#x", **more}}
        return client.patch(f"/api/v1/channels/{slack.uuid}", body, content_type="application/json")

    refused = change(api_url="https://thief.example.org")
    assert refused.status_code == 400
    assert "signing_secret and token again" in refused.json()["detail"]
    assert change(api_url="https://gw.example.org", token="xoxb-2", signing_secret="t").status_code == 200
    assert change(api_url="https://gw.example.org").status_code == 200


@pytest.mark.parametrize(
    ("kind", "config", "says"),
    [
        (AppriseChannel, {"url": "discord://i/t/?template=/etc/passwd"}, "template would read a file"),
        (AppriseChannel, {"url": "fcm://p@k/t/?KeyFile=/etc/passwd"}, "would read a file"),
        (Email, {"to": ["a@example.org"], "server": "smtp://h?from=a@b.org%0ABcc:c@d.org"}, "from is one address"),
        (Email, {"to": ["a@example.org"] * 51}, "at most 50"),
        (Sms, {**SMS, "to": ["+4520123456"] * 51}, "at most 50"),
        (Sms, {**SMS, "account": "../../admin?x="}, "is no account"),
        (Sms, {**SMS, "to": ["+45\u0662\u0660123456"]}, "is no phone number with its country code"),
    ],
)
def test_what_would_reach_further_is_refused_when_it_is_saved(kind: Any, config: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        kind(config)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("webhook", {"url": "http://10.0.0.5/hook"}),
        ("webhook", {"url": "http://localhost:9/hook"}),
        ("teams", {"url": "https://[fd00::1]/x"}),
        ("apprise", {"url": "json://192.168.1.4/x"}),
        ("email", {"to": ["a@example.org"], "server": "smtp://10.0.0.5:25"}),
    ],
)
def test_an_address_where_messages_may_not_go_is_refused_when_it_is_saved(
    api: Callable[..., Client], team: Team, monkeypatch: pytest.MonkeyPatch, kind: str, config: dict[str, Any]
) -> None:
    client, body = api(), {"name": "ops", "kind": kind, "config": config}
    refused = client.post("/api/v1/channels", body, content_type="application/json")
    assert (refused.status_code, Channel.objects.count()) == (400, 0)
    assert "not a public address. If it should be reached, add its network" in refused.json()["detail"]
    allowed = ("10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16", "fd00::/8")
    monkeypatch.setattr(settings, "ENV", replace(settings.ENV, outgoing_allow=allowed))
    assert client.post("/api/v1/channels", body, content_type="application/json").status_code == 201


def test_the_longest_address_fits_where_who_is_told_is_kept(team: Team) -> None:
    address = f"a@{'b.' * 150}example.org"
    mail = Desk(team).channel("mail", "email", {"to": [address]})
    assert Email(mail.config).recipients() == [address]
    Desk(team).delivery(mail, to=address)
    assert len(address) > (Delivery._meta.get_field("recipient").max_length or 0) - 10


def test_a_test_that_breaks_is_an_answer(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Desk(team).channel("hook", "webhook", {"url": "https://example.org/"})
    monkeypatch.setattr("alerts.channels.webhook.Webhook.send", lambda *_: 1 / 0)
    with pytest.raises(trying.TestFailed, match="could not send it"):
        trying.send_test(hook)


def test_a_colleague_reads_no_number_in_the_providers_answer(
    api: Callable[..., Client], person: Callable[..., User], team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, desk = person("operator"), Desk(team)
    open_loopback(monkeypatch)
    with WebhookSink(Reply(400, {"code": 21211, "message": "+4520123456 is bad", "status": 400})) as sink:
        config = {"to": ["+45 20 12 34 56"], "account": "AC1", "token": "t0ken", "from": "+1", "service": "MG1"}
        phone = desk.channel("Phone", "sms", config | {"api_url": f"http://127.0.0.1:{sink.port}"}, owner=ada)
        desk.delivery(phone, to="+4520123456", person=ada)
        assert deliver_due(phone.pk)
    shown = api(person("viewer")).get("/api/v1/deliveries").content
    assert b"21211" in shown
    assert b"4520123456" not in shown


def test_nobody_can_make_a_phone_ring_all_night(api: Callable[..., Client], person: Callable[..., User]) -> None:
    viewer = person("viewer")
    mine = Channel(owner=viewer, name="Phone", kind="sms", default=False)
    mine.config = {"to": ["+4520123456"]}
    mine.save()
    client = api(viewer)
    answers = [client.post(f"/api/v1/channels/{mine.uuid}/test").status_code for _ in range(8)]
    assert answers == [502] * 6 + [429] * 2
    assert Audit.objects.filter(user=viewer, action="channel.test").count() == 6


def test_nobody_has_more_than_twenty_channels_of_their_own(
    api: Callable[..., Client], person: Callable[..., User]
) -> None:
    client = api(person("viewer"))
    for count in range(21):
        body = {"own": True, "name": f"Mail {count}", "kind": "email", "config": {"to": ["a@example.org"]}}
        answer = client.post("/api/v1/channels", body, content_type="application/json")
    assert answer.status_code == 409
    assert Channel.objects.count() == 20
