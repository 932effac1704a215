"""Messages whole: whom they speak to, what they must never do, and how little they ask of the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.conf import LazySettings
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import Team, User
from alerts import messages, telephone
from alerts.channels.email import build
from alerts.channels.message import CONTRACT
from alerts.messages import short
from alerts.messages.moments import moment, zone
from alerts.messages.plain import line, word
from alerts.messages.read import known
from alerts.messages.said import Said
from alerts.messages.wording import firing, resolved
from alerts.models import Rule, Step
from alerts.services.rules import make_default_rules
from metrics import query
from metrics.memory import MemoryStore
from metrics.store import duration, number, quantity
from tests.alerts.cases import CASES
from tests.alerts.spoken import AT, World, ms


@pytest.fixture
def world(team: Team, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.SITE_URL = "https://watch.example.org"
    store = MemoryStore()
    monkeypatch.setattr(query, "store", store)
    return World(team, store)


@pytest.mark.parametrize("case", ["firing", "escalated", "repeat", "reminder", "resolved", "acknowledged"])
def test_a_webhook_gets_the_contract_and_what_kind_of_news_it_is(case: str, world: World) -> None:
    hook = world._channel("hook", "webhook", {"url": "https://example.org"}, team=world.team)
    message = world.told(CASES[case](world), channel=hook)
    assert tuple(message.body()) == (*CONTRACT, "notice")
    assert message.body()["event"] == (case if case in {"resolved", "acknowledged"} else "firing")
    assert message.body()["notice"] == case
    assert b"chart" not in msgspec.json.encode(message.body())


def test_a_program_is_told_without_reading_what_only_people_need(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    hook = world._channel("hook", "webhook", {"url": "https://example.org"}, team=world.team)
    delivery = world.delivery(CASES["firing"](world), hook)
    fresh = type(delivery).objects.get(pk=delivery.pk)
    with django_assert_max_num_queries(6):
        message = messages.compose(fresh)
    assert [message.lines, message.details, message.chart] == [[], [], b""]


def test_a_group_of_hundreds_asks_no_more_than_one_of_three(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    incident = world.incident(world.rule())
    entries = []
    for number_ in range(60):
        alert = world.alert(incident, world.server(f"db-{number_}", number_))
        entries.append({"alert": alert.pk, "value": 97.0, "limit": 95, "severity": "critical"})
    told = world.notice(incident, "firing", severity="critical", firing=60, new=entries[:20], new_count=60)
    delivery = world.delivery(told)
    with django_assert_max_num_queries(20):
        message = messages.compose(type(delivery).objects.get(pk=delivery.pk))
    assert message.summary == "CPU hot on 60 servers: db-0, db-1, db-2 and 57 more."
    assert len(message.members) == 20
    assert message.new[-1] == "and 40 more"
    assert len(msgspec.json.encode(message.body())) < 10_000


def test_it_is_the_same_at_every_try(world: World) -> None:
    delivery = world.delivery(CASES["firing"](world))
    first, second = (messages.compose(type(delivery).objects.get(pk=delivery.pk)) for _ in range(2))
    first.answer_url = second.answer_url = ""  # signed with the time
    assert first == second


def test_names_cannot_write_html_or_headers(world: World) -> None:
    message = world.told(CASES["traps"](world))
    mail = build(message, "ana@example.org")
    html = str(mail.alternatives[0][0])
    assert "<b>שרת" not in html
    assert "<script" not in html
    assert "\n" not in mail.subject
    assert mail.message()["Subject"]
    assert len(message.title) <= 150


def test_a_rule_with_line_breaks_keeps_its_steps_and_a_name_does_not() -> None:
    assert line("web\r\nBcc: all@example.org\x00\u202etxt") == "web Bcc: all@example.org txt"
    assert word("שרת") == "\u2068שרת\u2069", "it must not turn round what stands beside it"
    assert word("web-1") == "web-1"
    assert len(word("x" * 500)) == 60


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("language", ["en", "pt-br", "da"])
def test_the_short_form_is_one_text_message_and_push_fits(world: World, name: str, language: str) -> None:
    message = world.told(CASES[name](world), language)
    assert short.width(message.short) <= 160
    assert all(sign in telephone.GSM | telephone.TWICE for sign in message.short)
    pushed = [message.title, message.summary, message.url, message.answer_url]
    assert len("".join(pushed).encode()) < 3000


def test_letters_that_telephones_lack_are_replaced_and_counted() -> None:
    assert short.gsm("São José \u2013 “ação” 80 °C …") == 'Sao José - "acao" 80 C ...'
    assert short.gsm("Løst på Ærø") == "Løst på Ærø"
    assert short.width("{a}") == 5
    assert short.width(short.fit("€" * 200)) <= 160
    assert short.fit("x" * 300, "https://e.org/1").endswith("... https://e.org/1")
    assert short.fit("x", "https://example.org/" + "y" * 150) == "x", "an address that leaves no room is left out"


def test_the_language_is_the_persons_then_the_channels_then_the_products(world: World) -> None:
    notice = CASES["firing"](world)
    assert world.told(notice, "da").language == "da"
    world.ops.language = "pt-BR"
    world.ops.save()
    assert world.told(notice, "da", world.ops).language == "pt-br"
    world.mail.language = "tlh"
    world.mail.save()
    delivery = type(world.delivery(notice)).objects.latest("pk")
    User.objects.update(language="")
    assert messages.compose(delivery).language == "en"


@pytest.mark.parametrize(
    ("asked", "got"), [("pt", "pt-br"), ("pt_BR", "pt-br"), ("DA", "da"), ("", "en"), ("x", "en")]
)
def test_a_language_is_known_by_any_of_its_spellings(asked: str, got: str) -> None:
    assert known(asked) == got


def test_the_record_is_written_in_the_products_language_whoever_acts(world: World) -> None:
    notice = CASES["firing"](world)
    assert notice.alert is not None
    with translation.override("da"):
        assert messages.sentence(notice.alert, 97.1, 95) == "web-1: CPU used is 97.1 %, above 95 %."
        assert messages.record(notice) == "web-1: CPU used is 97.1 %, above 95 %."


def test_a_message_of_an_event_that_is_not_known_says_what_was_written(world: World) -> None:
    incident = world.incident(None, "The rules have stalled")
    message = world.told(
        world.notice(incident, "firing", text="The rules have stalled for 40 s.", severity="critical")
    )
    assert message.summary == "The rules have stalled for 40 s."
    assert message.title == "[Critical] The rules have stalled for 40 s"


def test_an_end_says_why_it_ended(world: World) -> None:
    incident = world.incident(world.rule())
    alert = world.alert(incident, world.server(), resolved_at=AT, state="resolved")
    removed = world.notice(incident, "resolved", alert, ended="removed")
    assert world.told(removed, "da").summary == "web-1: reglen “CPU hot” blev fjernet."
    closed = world.notice(incident, "resolved", alert, closed_by="Lars Holm")
    assert world.told(closed).summary == "web-1: “CPU hot” was closed by Lars Holm."


def test_whoever_answers_without_an_account_is_named(world: World) -> None:
    notice = world.notice(world.incident(None, "Stalled."), "acknowledged", name="Slack user ada", how="")
    assert world.told(notice).summary == "Slack user ada looks after it: Stalled."


def test_a_team_channel_gets_no_link_that_acknowledges(world: World) -> None:
    notice = CASES["firing"](world)
    assert world.told(notice, channel=world.ops).answer_url == ""
    assert "/acknowledge/" in world.told(notice).answer_url


def test_a_server_that_told_nothing_is_told_without_figures(world: World) -> None:
    server = world.server()
    incident = world.incident(world.rule())
    message = world.told(world.notice(incident, "firing", world.alert(incident, server)))
    assert (message.lines, message.processes, message.chart) == ([], [], b"")
    assert "web-1" in build(message, "a@example.org").body


KINDS = {
    "change": ({"percent": False}, "cpu_used_percent", 31.0, 20.0, "CPU used rose by 31 % within 10 min"),
    "past": ({}, "memory_used_bytes", -45.0, 30.0, "Memory used is 45 % below its usual"),
    "no_data": ({}, "disk_used_percent", 300.0, 60.0, "no values of Disk used (mount /) for 5 min"),
    "composite": ({}, "condition", 1.0, 0.5, "the condition “both” holds"),
    "anomaly": ({}, "anomaly_score", 1.4, 1.0, "web-1 behaves unusually: the score is 1.4"),
    "forecast": ({}, "forecast_seconds_left", 7200.0, 86400.0, "reaches its limit in about 2 h"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_rule_has_a_sentence_of_its_own(kind: str) -> None:
    params, metric, value, limit, text = KINDS[kind]
    labels = {"mount": "/"} if kind in {"no_data", "forecast"} else {}
    assert isinstance(params, dict)
    said = Said("web-1", "both", kind, str(metric), labels, params=params, value=float(value), limit=float(limit))
    assert str(text) in firing(said)
    assert resolved(said) != firing(said)


def test_numbers_and_times_are_written_as_each_language_does() -> None:
    at = datetime(2026, 7, 1, 12, 5, tzinfo=UTC)
    with translation.override("da"):
        assert (number(1234.5, 5), quantity("x_bytes", 1536)) == ("1.234,5", "1,5 KiB")
        assert moment(at, zone("Europe/Copenhagen")) == "1. jul 2026 kl. 14.05 CEST"
        assert duration(2 * 86400 + 3 * 3600) == "2 døgn 3 t"
    with translation.override("pt-br"):
        assert number(1234.5, 5) == "1.234,5"
        assert moment(at, zone("America/Sao_Paulo")) == "01/07/2026 09:05 UTC-03"
    assert number(1234.5, 5) == "1,234.5"
    assert moment(at, zone("nowhere/at all")) == "1 Jul 2026 12:05 UTC"


@pytest.mark.parametrize(
    ("value", "text"), [(float("nan"), "?"), (0.0, "0"), (12345678.0, "12,345,678"), (1e18, "1e+18")]
)
def test_a_number_is_never_a_riddle(value: float, text: str) -> None:
    assert number(value) == text


PASSED = [(0, "0 s"), (45, "45 s"), (75, "1 min 15 s"), (1250, "20 min"), (3700, "1 h 1 min"), (90000, "1 d 1 h")]


@pytest.mark.parametrize(("seconds", "text"), PASSED)
def test_a_time_that_passed_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_lines_tell_what_a_silent_server_told_last(world: World) -> None:
    server = world.server()
    world.usual(server)
    rule = world.rule("Server down", "", kind="no_data", warn=None, critical=None)
    incident = world.incident(rule)
    alert = world.alert(incident, server, "silent_seconds", value=3600, limit=60, judged=ms(AT))
    message = world.told(world.notice(incident, "firing", alert, at=AT + timedelta(hours=1)))
    assert message.summary == "web-1 has not reported for 1 h."
    assert [one.label for one in message.lines] == ["CPU", "Memory", "Disk /", "Swap", "Load"]


CHECKED = [("Shop", "The check “Shop” fails.", "The check “Shop” works again."),
           ("web-1", "web-1: the check “Shop” fails.", "web-1: the check “Shop” works again.")]  # fmt: skip


@pytest.mark.parametrize(("server", "bad", "good"), CHECKED)
def test_a_check_is_named_once(server: str, bad: str, good: str) -> None:
    said = Said(server, "Check down", metric="check_up", op="below", labels={"check": "Shop"}, value=0, limit=0.5)
    assert (firing(said), resolved(said)) == (bad, good)


def test_what_is_so_or_not_is_told_without_numbers_that_say_nothing(world: World) -> None:
    server = world.server()
    rule = world.rule("Agent outdated", "agent_outdated", warn=0, critical=None)
    alert = world.alert(world.incident(rule), server, "agent_outdated", value=1, limit=0)
    told = {one.label for one in world.told(world.notice(alert.incident, "firing", alert)).details}  # type: ignore[arg-type]
    assert not told & {"Value", "Limit"}
    rule = world.rule("Services failed", "services_failed", warn=0, critical=None)
    alert = world.alert(world.incident(rule), server, "services_failed", value=2, limit=0)
    told = {one.label for one in world.told(world.notice(alert.incident, "firing", alert)).details}  # type: ignore[arg-type]
    assert told & {"Value", "Limit"} == {"Value"}


def test_what_fires_still_is_told_with_its_value_of_now_and_who_is_called_next(world: World) -> None:
    server = world.server()
    world.usual(server)
    incident = world.incident(world.rule())
    world.alert(incident, server, value=95.4)
    Step.objects.create(
        incident=incident, chain="Nights", place=1, kind="person", args={"person": str(world.lars.uuid)},
        due_at=AT + timedelta(minutes=15),
    )  # fmt: skip
    message = world.told(world.notice(incident, "escalated", value=95.4, limit=95, minutes=5), "da")
    assert "97,1 %" in message.summary
    shown = {one.label: one.text for one in message.details}
    assert (shown["Værdi"], shown["Kaldes som den næste"]) == ("97,1 %", "Lars Holm kl. 09.26")


def test_a_rule_that_every_team_begins_with_says_what_to_do_in_the_readers_language(world: World) -> None:
    make_default_rules(world.team)
    rule = Rule.objects.get(name="Services failed")
    incident = world.incident(rule)
    alert = world.alert(incident, world.server(), "services_failed", value=2, limit=0)
    assert world.told(world.notice(incident, "firing", alert), "pt-br").todo.startswith("`systemctl --failed` mostra")
