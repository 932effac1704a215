"""Each kind of channel against a real receiver on loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Team, User
from alerts.channels.apprise import AppriseChannel
from alerts.channels.base import DeliveryError, Line, channels, describe
from alerts.channels.email import Email
from alerts.channels.teams import MOST, Teams, encode
from alerts.channels.webhook import Webhook
from alerts.models import Channel
from tests.alerts.telling import message, open_loopback
from tests.sinks import MailSink, Reply, WebhookSink

# Apprise's module for mail looks for one that Python is going to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    open_loopback(monkeypatch)


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as made:
        yield made


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSink]:
    with MailSink() as made:
        monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
        monkeypatch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
        monkeypatch.setattr(settings, "EMAIL_PORT", made.port)
        yield made


def test_every_kind_says_which_fields_it_has() -> None:
    kinds = {one["kind"]: one for one in describe()}
    assert set(kinds) >= {"email", "sms", "slack", "teams", "push", "webhook", "apprise"}
    for name in channels:
        assert kinds[name]["title"]
    assert [one["name"] for one in kinds["webhook"]["fields"] if one["secret"]] == ["secret"]


def test_a_webhook_is_signed_and_carries_the_contract(sink: WebhookSink) -> None:
    sent = Webhook({"url": sink.url, "secret": "s3"}).send(message(), "")
    got = sink.requests[0]
    stamp, signature = (part.partition("=")[2] for part in got.headers["X-Watchkeeper-Signature"].split(","))
    assert signature == hmac.new(b"s3", f"{stamp}.".encode() + got.body, hashlib.sha256).hexdigest()
    assert got.headers["Idempotency-Key"] == "5a1f" == got.json["key"]
    assert set(got.json) == {
        "event", "key", "incident", "severity", "rule", "server", "metric", "labels", "value", "limit", "since",
        "at", "summary", "url", "members", "notice",
    }  # fmt: skip
    assert sent.answer == "200 ok"


@pytest.mark.parametrize(
    ("reply", "permanent", "after"),
    [
        (Reply(429, "slow", {"Retry-After": "7"}), False, 7.0),
        (Reply(503, "later"), False, None),
        (Reply(404, "no such hook"), True, None),
        (Reply(302, "", {"Location": "http://10.0.0.1/"}), True, None),
    ],
)
def test_a_refusal_says_whether_and_when_to_try_again(reply: Reply, permanent: bool, after: float | None) -> None:
    with WebhookSink(reply) as sink, pytest.raises(DeliveryError) as refused:
        Webhook({"url": sink.url}).send(message(), "")
    assert (refused.value.permanent, refused.value.after) == (permanent, after)
    assert refused.value.answer == f"{reply.status} {reply.content.decode()}".strip()


def test_teams_gets_an_adaptive_card_that_is_never_too_long(sink: WebhookSink) -> None:
    sink.answer = Reply(202, "1")
    sent = Teams({"url": sink.url}).send(message(answer_url="https://watch.example.org/acknowledge/x/"), "")
    body = sink.requests[0].json
    card = body["attachments"][0]["content"]
    assert (body["type"], card["type"], card["version"]) == ("message", "AdaptiveCard", "1.4")
    assert body["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["msteams"] == {"width": "full"}
    assert [one["title"] for one in card["actions"]] == ["Acknowledge", "Open"]
    assert sent.answer == "202 1"
    many = [Line(f"p{number}", "x" * 490) for number in range(20)]
    long = message(lines=many, processes=many, changes=many, new=["web " * 70] * 20, details=many)
    assert len(encode(long)) <= MOST < 28_000


def test_a_server_name_cannot_make_a_link_in_a_card() -> None:
    card = json.loads(encode(message(summary="[click](https://evil.example)")))
    assert "\\[click\\](https://evil.example)" in card["attachments"][0]["content"]["body"][1]["text"]


def test_mail_has_text_and_html_and_hangs_in_the_thread_of_its_trouble(mail: MailSink) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
    kind = Email({"to": ["night@example.org"]})
    first = kind.send(message(chart=png), "night@example.org")
    kind.send(message(key="5a20", event="resolved", thread=first.reference), "night@example.org")
    begun, ended = mail.wait(2)
    assert str(begun["Subject"]) == "[Critical] web-1: CPU <hot>"
    assert begun["Auto-Submitted"] == "auto-generated"
    assert begun["Message-ID"] == first.reference == ended["In-Reply-To"]
    root = begun["References"]
    assert str(ended["References"]).split() == [root, first.reference]
    kinds = [part.get_content_type() for part in begun.walk()]
    assert {"text/plain", "text/html", "image/png"} <= set(kinds)
    picture = next(part for part in begun.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<chart>"
    html = next(part for part in begun.walk() if part.get_content_type() == "text/html").get_content()
    assert "cid:chart" in html
    assert "<hot>" not in html


def test_a_line_break_in_a_name_makes_no_header(mail: MailSink) -> None:
    Email({"to": ["a@example.org"]}).send(message(title="web\r\nBcc: all@example.org"), "a@example.org")
    (got,) = mail.wait(1)
    assert got["Bcc"] is None


def test_mail_over_a_server_typed_in_goes_where_it_may_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with MailSink() as own:
        kind = Email({"to": ["a@example.org"], "server": f"{own.url}?from=w@example.org"})
        kind.send(message(), "a@example.org")
        assert str(own.wait(1)[0]["From"]) == "w@example.org"
        open_loopback(monkeypatch)
        from dataclasses import replace

        monkeypatch.setattr(settings, "ENV", replace(settings.ENV, outgoing_allow=()))
        with pytest.raises(DeliveryError, match="not a public address") as refused:
            kind.send(message(), "a@example.org")
        assert refused.value.permanent


def test_a_mail_server_that_refuses_for_now_is_asked_again() -> None:
    with MailSink(refuse=True) as own, pytest.raises(DeliveryError, match="451") as refused:
        Email({"to": ["a@example.org"], "server": own.url}).send(message(), "a@example.org")
    assert not refused.value.permanent
    assert refused.value.answer.startswith("451")


def test_apprise_tells_a_service_over_http(sink: WebhookSink) -> None:
    sent = AppriseChannel({"url": f"json://127.0.0.1:{sink.port}/hook"}).send(message(), "")
    assert "web-1: CPU used is 97.1 %" in sink.requests[0].json["message"]
    assert sent.answer == "taken by JSON"


def test_apprise_goes_nowhere_that_outgoing_http_may_not(sink: WebhookSink, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setattr(settings, "ENV", replace(settings.ENV, outgoing_allow=()))
    with pytest.raises(DeliveryError, match="WATCHKEEPER_OUTGOING_ALLOW") as refused:
        AppriseChannel({"url": f"json://127.0.0.1:{sink.port}/hook"}).send(message(), "")
    assert refused.value.permanent
    assert sink.requests == []


@pytest.mark.parametrize(("url", "says"), [("nosuch://x", "does not know"), ("mailto://a:b@example.org", "HTTP")])
def test_apprise_says_what_it_cannot_do(url: str, says: str) -> None:
    with pytest.raises(DeliveryError, match=says) as refused:
        AppriseChannel({"url": url}).send(message(), "")
    assert refused.value.permanent


def test_the_test_button_shows_the_providers_answer_without_secrets(api: Callable[..., Client], team: Team) -> None:
    admin = api()
    with WebhookSink(Reply(403, "who is hunter2?")) as sink:
        body = {"name": "h", "kind": "webhook", "config": {"url": sink.url, "secret": "hunter2"}}
        made = admin.post("/api/v1/channels", body, content_type="application/json")
        assert made.status_code == 201, made.content
        assert "hunter2" not in made.content.decode()
        tried = admin.post(f"/api/v1/channels/{made.json()['id']}/test")
        assert tried.status_code == 502
        assert tried.json()["answers"] == [
            {"to": "", "ok": False, "answer": "The receiver answered 403. 403 who is …?"}
        ]
        assert "answered 403" in Channel.objects.get().test_error, "whoever opens the page again is told"
        sink.answer = Reply(200, "taken")
        tried = admin.post(f"/api/v1/channels/{made.json()['id']}/test")
        assert Channel.objects.get().test_error == ""
        assert tried.json() == {"sent": 1, "answers": [{"to": "", "ok": True, "answer": "200 taken"}]}


def test_a_change_that_leaves_a_secret_out_keeps_it(api: Callable[..., Client], team: Team) -> None:
    admin = api()
    config = {"url": "https://example.org/", "secret": "hunter2"}
    made = admin.post(
        "/api/v1/channels", {"name": "h", "kind": "webhook", "config": config}, content_type="application/json"
    )
    path = f"/api/v1/channels/{made.json()['id']}"
    changed = admin.patch(path, {"config": {"url": "https://example.net/"}}, content_type="application/json")
    assert changed.status_code == 200, changed.content
    assert Channel.objects.get().config == {"url": "https://example.net/", "secret": "hunter2"}
    admin.patch(path, {"config": {**config, "secret": ""}}, content_type="application/json")
    assert Channel.objects.get().config["secret"] == ""


def test_own_channels_are_for_everybody_and_seen_by_nobody_else(
    api: Callable[..., Client], person: Callable[..., User]
) -> None:
    ada, admin = person("viewer"), person("admin")
    body: dict[str, Any] = {"name": "phone", "kind": "email", "config": {"to": ["ada@example.org"]}}
    assert api(ada).post("/api/v1/channels", body, content_type="application/json").status_code == 403
    made = api(ada).post("/api/v1/channels", {**body, "own": True}, content_type="application/json")
    assert made.status_code == 201, made.content
    assert (made.json()["own"], made.json()["team"]) == (True, None)
    path = f"/api/v1/channels/{made.json()['id']}"
    assert api(admin).get(path).status_code == 404
    assert api(ada).patch(path, {"name": "mobile"}, content_type="application/json").status_code == 200
    assert api(ada).delete(path).status_code == 204


def test_a_fallback_may_not_go_round_in_a_circle(api: Callable[..., Client], team: Team) -> None:
    admin = api()
    config = {"url": "https://example.org/"}

    def make(name: str, **more: Any) -> str:
        body = {"name": name, "kind": "webhook", "config": config, **more}
        answer = admin.post("/api/v1/channels", body, content_type="application/json")
        return str(answer.json()["id"])

    first = make("first")
    second = make("second", fallback=first)
    refused = admin.patch(f"/api/v1/channels/{first}", {"fallback": second}, content_type="application/json")
    assert refused.status_code == 400
    assert "circle" in refused.json()["detail"]


def test_the_kinds_are_told_over_the_api(api: Callable[..., Client]) -> None:
    answer = api().get("/api/v1/channels/kinds")
    assert answer.status_code == 200
    teams = next(one for one in answer.json() if one["kind"] == "teams")
    assert teams["fields"][0] == {
        "name": "url", "label": "Address of the workflow", "help": teams["fields"][0]["help"], "secret": True,
        "required": True, "type": "text",
    }  # fmt: skip
