"""Text messages against a receiver that answers like Twilio, and the answers that come back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.conf import settings
from django.test import Client
from twilio.request_validator import RequestValidator

from accounts.models import Team, User
from alerts import services
from alerts.channels.base import DeliveryError
from alerts.channels.sms import Sms, parts, text
from alerts.models import Channel, Incident
from core.clock import now as clock
from tests.alerts.telling import Desk, message, open_loopback
from tests.sinks import Reply, WebhookSink

ADA = "+4520123456"
TAKEN = Reply(201, {"sid": "SM1", "status": "queued"})


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookSink]:
    open_loopback(monkeypatch)
    with WebhookSink(TAKEN) as made:
        yield made


@pytest.fixture
def config(sink: WebhookSink) -> dict[str, Any]:
    base = f"http://127.0.0.1:{sink.port}"
    return {"to": [ADA], "account": "AC1", "token": "t0ken", "from": "+15557654321", "api_url": base}


def refusal(status: int, code: int, **headers: str) -> Reply:
    return Reply(status, {"code": code, "message": "no", "status": status}, headers)


def test_a_message_goes_as_twilio_wants_it(sink: WebhookSink, config: dict[str, Any]) -> None:
    sent = Sms(config).send(message(code="0042"), ADA)
    got = sink.requests[0]
    assert got.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert base64.b64decode(got.headers["Authorization"].removeprefix("Basic ")) == b"AC1:t0ken"
    form = {name: values[0] for name, values in parse_qs(got.body.decode()).items()}
    assert form == {"To": ADA, "From": "+15557654321", "Body": "web-1 CPU 97.1 % Reply: ack 0042"}
    assert (sent.reference, sent.answer[:4]) == ("SM1", "201 ")


def test_a_messaging_service_takes_the_place_of_a_number(sink: WebhookSink, config: dict[str, Any]) -> None:
    del config["from"]
    Sms({**config, "service": "MG1"}).send(message(), ADA)
    assert parse_qs(sink.requests[0].body.decode())["MessagingServiceSid"] == ["MG1"]


@pytest.mark.parametrize(
    ("reply", "permanent", "fault"),
    [
        (refusal(400, 21211), True, False),
        (refusal(429, 20429), False, False),
        (refusal(503, 20503), False, False),
        (refusal(401, 20003), True, True),
        (Reply(200, "<html>"), True, False),
        (Reply(201, "[]"), True, False),
    ],
)
def test_refusals_say_whether_to_try_again(
    sink: WebhookSink, config: dict[str, Any], reply: Reply, permanent: bool, fault: bool
) -> None:
    sink.answer = reply
    with pytest.raises(DeliveryError) as refused:
        Sms(config).send(message(), ADA)
    assert (refused.value.permanent, refused.value.fault) == (permanent, fault)


def test_the_account_may_come_from_the_environment(sink: WebhookSink, monkeypatch: pytest.MonkeyPatch) -> None:
    open_loopback(
        monkeypatch, twilio_account="AC9", twilio_token="x", twilio_from="+15550000000",
        twilio_api_url=f"http://127.0.0.1:{sink.port}",
    )  # fmt: skip
    Sms({"to": [ADA]}).send(message(), ADA)
    assert sink.requests[0].path.startswith("/2010-04-01/Accounts/AC9/")


@pytest.mark.parametrize("number", ["20123456", "+45", "+45 2012 3456 ext 7", "nobody"])
def test_a_bad_number_is_refused_when_it_is_saved(number: str) -> None:
    with pytest.raises(ValueError, match=r"\+4512345678"):
        Sms({"to": [number]})


@pytest.mark.parametrize(
    ("said", "count"),
    [("a" * 160, 1), ("a" * 161, 2), ("é" * 160, 1), ("€" * 80, 1), ("€" * 81, 2), ("ç" * 70, 1), ("ç" * 71, 2)],
)
def test_parts_are_counted_as_phone_companies_do(said: str, count: int) -> None:
    assert parts(said) == count


def test_pictures_go_and_the_message_stays_within_three_parts() -> None:
    said = text(message(short="\N{FIRE} hot \N{EN DASH} “web-1”…" + "x" * 900))
    assert said.startswith(' hot - "web-1"...')
    assert parts(said) <= 3


@pytest.fixture
def told(team: Team, config: dict[str, Any]) -> Incident:
    desk = Desk(team)
    incident = desk.incident()
    desk.delivery(desk.channel("sms", "sms", config), incident=incident, to=ADA)
    return incident


def answer(said: str, *, sender: str = ADA, token: str = "t0ken") -> Any:  # noqa: S107 - no secret
    form = {"From": sender, "Body": said, "MessageSid": "SM2"}
    url = f"{settings.SITE_URL}/api/hooks/twilio"
    signature = RequestValidator(token).compute_signature(url, form)
    return Client().post("/api/hooks/twilio", form, headers={"X-Twilio-Signature": signature})


def test_an_answer_by_sms_acknowledges(told: Incident) -> None:
    got = answer(f" ACK {told.pk % 10_000:04d}")
    assert b"You look after it" in got.content
    told.refresh_from_db()
    assert (told.state, told.acknowledged_over) == ("acknowledged", "sms")
    assert told.notices.get(kind="acknowledged").text.startswith(f"SMS {ADA} looks after it")


def test_a_persons_own_number_answers_as_that_person(
    team: Team, config: dict[str, Any], person: Callable[..., User]
) -> None:
    ada, desk = person("operator"), Desk(team)
    incident = desk.incident()
    desk.delivery(desk.channel("mine", "sms", config, owner=ada), incident=incident, to=ADA, person=ada)
    answer(f"ack {incident.pk % 10_000:04d}")
    incident.refresh_from_db()
    assert incident.acknowledged_by == ada


def test_whoever_may_not_act_any_more_takes_nothing_by_phone(
    team: Team, config: dict[str, Any], person: Callable[..., User]
) -> None:
    ada, desk = person("viewer"), Desk(team)
    incident = desk.incident()
    desk.delivery(desk.channel("mine", "sms", config, owner=ada), incident=incident, to=ADA, person=ada)
    assert b"Ask an operator" in answer(f"ack {incident.pk % 10_000:04d}").content
    incident.refresh_from_db()
    assert incident.state == "open"


def test_forged_answers_other_numbers_and_other_words_do_nothing(told: Incident) -> None:
    code = f"{told.pk % 10_000:04d}"
    assert answer(f"ack {code}", token="guess").status_code == 401
    assert b"no open trouble" in answer(f"ack {code}", sender="+4520999999").content
    assert b"such as ack 1234" in answer("what?").content
    told.refresh_from_db()
    assert told.state == "open"


def test_who_answers_second_hears_who_looks_after_it(told: Incident, person: Callable[..., User]) -> None:
    services.acknowledge(told, clock(), by=person(first_name="Lars"))
    said = answer(f"ack {told.pk % 10_000:04d}").content.decode()
    assert "Lars looks after it" in said
    assert "You" not in said


def test_an_answer_is_answered_in_the_language_of_its_channel(told: Incident) -> None:
    Channel.objects.update(language="da")
    assert "Du tager dig af det" in answer(f"ack {told.pk % 10_000:04d}").content.decode()
    assert "Svar med ack" in answer("hvad?").content.decode()
