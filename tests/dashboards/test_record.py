"""The record as a page, and what stands around every page: own troubles and how long one is on call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from alerts.models import Alert, Channel, Delivery, Incident, Notice, Rule, Schedule
from alerts.services.troubles import trouble_begins, trouble_ends
from core.clock import now
from metrics.models import Series
from servers.models import Server

Person = Callable[..., User]


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(client: Client, page: str) -> str:
    return client.get(page).content.decode()


def told(team: Team, words: str, state: str = "sent", **fields: object) -> Notice:
    """One message over a channel of the team, and what came of it."""
    incident = Incident.objects.create(team=team, key=words, title=words, severity="warn", opened_at=now())
    notice = Notice.objects.create(incident=incident, text=words, **{"kind": "firing", "at": now(), **fields})
    channel, _ = Channel.objects.get_or_create(team=team, name="Ops", kind="webhook")
    Delivery.objects.create(
        notice=notice, channel=channel, recipient="night shift", state=state, due_at=now(), answer=f"250 {words}"
    )
    return notice


def test_the_record_says_who_was_told_and_what_the_provider_answered(
    team: Team, other_team: Team, person: Person
) -> None:
    told(team, "Disk full")
    told(other_team, "Foreign")
    page = text(as_(person("viewer")), "/record/")
    for said in ("Disk full", "Began", "Ops", "night shift", "Sent", "250 Disk full"):
        assert said in page
    assert "Foreign" not in page
    assert Client().get("/record/").status_code == 302


def test_each_filter_leaves_what_it_says_and_the_table_holds_the_same(team: Team, person: Person) -> None:
    first, lost = told(team, "Disk full"), told(team, "Memory short", state="dead", kind="resolved")
    old = told(team, "Long ago", at=now() - timedelta(days=3))
    held = Notice.objects.create(
        incident=first.incident, kind="repeat", at=now(), text="Quiet", held="Not told: silenced: move."
    )
    client, ops, yesterday = as_(person()), Channel.objects.get(name="Ops"), (now() - timedelta(days=1)).date()
    found = {
        f"incident={first.incident.uuid}": {first, held},
        "kind=resolved": {lost},
        "state=dead": {lost},
        "state=held": {held},
        f"channel={ops.uuid}": {first, lost, old},
        f"from={yesterday}": {first, lost, held},
        f"to={yesterday}": {old},
        "kind=nonsense": set(),
        "incident=nonsense": set(),
    }
    for query, expected in found.items():
        page, table = text(client, f"/record/?{query}"), text(client, f"/record/?{query}&format=csv")
        for one in (first, lost, old, held):
            assert (f">{one.text}</a>" in page) == (one in expected), (query, one.text)
            assert (f",{one.text},," in table) == (one in expected), (query, one.text)
    assert "silenced: move" in text(client, "/record/")
    assert "Not told: Not told" not in text(client, "/record/")


def test_a_server_is_told_of_in_its_own_lines_and_in_those_of_its_incidents(team: Team, person: Person) -> None:
    server = Server.objects.create(team=team, name="hot-1", number=1)
    both, other = told(team, "Two servers are hot"), told(team, "Somewhere else")
    rule = Rule.objects.create(team=team, name="r", metric="cpu_used_percent", critical=1)
    series = Series.objects.create(metric="cpu_used_percent", labels="")
    Alert.objects.create(
        rule=rule, server=server, series=series, incident=both.incident, state="firing", since=1, judged=2,
        value=2, limit=1, severity="warn",
    )  # fmt: skip
    page = text(as_(person()), f"/record/?server={server.uuid}")
    assert both.text in page
    assert other.text not in page


def test_a_long_record_costs_the_same_questions_and_has_pages(team: Team, person: Person) -> None:
    client, asked = as_(person()), []
    for number in range(4):
        told(team, f"n{number}")
        with CaptureQueriesContext(connection) as seen:
            client.get("/record/")
        asked.append(len(seen))
    assert asked[3] - asked[1] <= 1, "two more cost nothing, but for what is remembered for seconds and falls due"
    incident = Incident.objects.first()
    assert incident
    Notice.objects.bulk_create(Notice(incident=incident, kind="note", at=now(), text="again") for _ in range(60))
    assert "Page 1 of 2" in text(client, "/record/")
    assert ">n0</a>" in text(client, "/record/?page=2")


def test_every_page_says_that_watchkeeper_itself_is_in_trouble_until_it_is_over(
    team: Team, other_team: Team, person: Person
) -> None:
    trouble_begins("self rules", team, "The rules stand still.", now())
    trouble_begins("fault 1", team, "Another trouble.", now())
    client = as_(person("viewer"))
    for page in ("/", "/record/", "/rules/", "/servers/add/"):
        assert "Watchkeeper itself is in trouble" in text(client, page)
        assert "Another trouble." not in text(client, "/rules/")
    stranger = as_(person("admin", of=other_team))
    assert "in trouble" not in text(stranger, "/rules/")
    trouble_ends("self rules", "They go on.", now())
    assert "in trouble" not in text(client, "/rules/")


@pytest.mark.parametrize(("days", "said"), [(1, "On call until "), (90, "On call\n")])
def test_who_is_on_call_sees_until_when_on_every_page(team: Team, person: Person, days: int, said: str) -> None:
    mine, colleague = person(), person()
    plan = Schedule.objects.create(team=team, name="Ops", zone="Europe/Copenhagen")
    start = (now() - timedelta(days=2)).date()
    plan.rotations.create(people=[str(mine.uuid)], days=days, starts_on=start, hand_over=time(0))
    plan.overrides.create(user=mine, starts_at=now() - timedelta(hours=1), ends_at=now() + timedelta(hours=2))
    if days == 1:
        plan.rotations.all().delete()
    assert said in text(as_(mine), "/rules/")
    assert "on-duty" not in text(as_(colleague), "/rules/")


def test_the_list_of_rules_is_narrowed_by_words_and_by_state(team: Team, person: Person) -> None:
    Rule.objects.create(team=team, name="CPU hot", metric="cpu_used_percent", critical=95)
    Rule.objects.create(team=team, name="Swap", metric="swap_used_percent", critical=80, enabled=False)
    Rule.objects.create(team=team, name="Odd", metric="load1", critical=80, fault="Nobody tells it.")
    client = as_(person())
    for query, names in (
        ("q=swap+used", {"Swap"}),
        ("state=off", {"Swap"}),
        ("state=fault", {"Odd"}),
        ("q=none", set()),
    ):
        page = text(client, f"/rules/?{query}")
        assert {name for name in ("CPU hot", "Swap", "Odd") if f">{name}</a>" in page} == names, query
    assert "No rule is like that." in text(client, "/rules/?q=none")


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("end", ["from", "to"])
def test_a_day_without_a_midnight_is_refused_beside_its_field(team: Team, person: Person, end: str, day: str) -> None:
    client = as_(person(language="en", zone="Europe/Copenhagen"))
    answer = client.get(f"/record/?{end}={day}")
    assert answer.status_code == 200
    assert f"{end}: Ensure" in answer.content.decode()


def test_the_badge_counts_causes_and_not_what_they_explain(team: Team, person: Person) -> None:
    cause = Incident.objects.create(team=team, key="a", title="Switch", severity="critical", opened_at=now())
    for key in ("b", "c"):
        Incident.objects.create(team=team, key=key, title=key, severity="warn", opened_at=now(), parent=cause)
    client = as_(person())
    assert "<span data-number>1</span>" in text(client, "/rules/")
    Incident.objects.filter(pk=cause.pk).update(resolved_at=now())
    assert "<span data-number>2</span>" in text(client, "/rules/")


def test_my_notifications_stand_among_the_pages_of_my_account(team: Team, person: Person) -> None:
    page = text(as_(person(language="en")), "/me/notifications/")
    assert 'aria-label="My account"' in page
    assert page.count('aria-current="page">Notifications') == 1
    assert 'aria-label="My account"' not in text(as_(person(language="en")), "/silences/")


def test_the_record_tells_times_in_the_readers_zone_and_language(team: Team, person: Person) -> None:
    row = Incident.objects.create(team=team, key="a", title="Old", severity="warn", opened_at=now())
    at = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    Notice.objects.create(incident=row, kind="note", text="Hello", at=at)
    page = text(as_(person(language="da", zone="Europe/Copenhagen")), "/record/")
    assert "2026-07-01 " not in page
    assert "12:00 CEST" in page
