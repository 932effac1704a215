"""The page about what runs out, and the same over the API: sentences, what would be if, and whose they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Team, User
from core.clock import milliseconds
from ml.models import Crossing, DiskRisk, Forecast, Risk, Sizing
from servers.models import Server

DAY = 86_400.0


@pytest.fixture
def server(team: Team) -> Server:
    found = Server.objects.create(team=team, name="db-1", number=1)
    at = milliseconds()
    Forecast.objects.create(
        server=found, metric="disk_used_bytes", labels='{mount="/var"}', state="predictable", value=91e9, limit=100e9,
        per_day=1e9, seconds_left=9 * DAY, seconds_low=6 * DAY, seconds_high=14 * DAY, error=0.12, at=at, scored=8,
        span_from=at - round(30 * DAY * 1000),
    )  # fmt: skip
    Forecast.objects.create(
        server=found, metric="disk_used_bytes", labels='{mount="/log"}', state="not_predictable", reason="saw_tooth",
        value=40e9, limit=100e9, at=at,
    )  # fmt: skip
    Forecast.objects.create(
        server=found, metric="swap_used_percent", state="not_enough", reason="short", value=1.0, limit=100.0, at=at
    )
    figures = {"cpu_typical": 1.2, "cpu_busy": 2.5, "memory_typical": 20.0, "memory_busy": 21.0}
    Sizing.objects.create(server=found, state="idle", figures=figures, at=at)
    some = {"kind": "near", "metric": "cpu_used_percent", "labels": "", "percent": 71.0, "value": 88.0, "limit": 95.0}
    Risk.objects.create(server=found, horizon="hour", state="high", percent=71.0, evidence=[some], at=at)
    counters = [["disk_pending_sectors", 16.0, 16.0]]
    DiskRisk.objects.create(server=found, device="sda", state="high", score=16, evidence=counters, by="rule", at=at)
    Crossing.objects.create(
        server=found, metric="disk_used_bytes", labels='{mount="/old"}', limit=1.0, at=at, error=0.1
    )
    return found


def test_the_page_speaks_in_plain_words(server: Server, person: Callable[..., User], client: Client) -> None:
    client.force_login(person("viewer"))
    page = client.get("/capacity/").content.decode()
    for text in (
        "One thing runs out within two weeks.", "/var on db-1 is full in 9 days (6 to 14).",
        "8 forecasts that were tried on its last 30 days were off by 12 %", "it rises and is emptied again and again",
        "Swap of db-1: not enough data yet.", "db-1 is idle: processor 2.5 %, memory 21 % in its busiest hours.",
        "High risk within the hour (71 %): CPU used is 88 % and often crosses 95 % after moments like this.",
        "Disk sda is likely to fail soon: back it up and replace it", "the forecast was off by 10 %",
    ):  # fmt: skip
        assert text in page, text


def test_what_is_unclear_is_folded_away(server: Server, person: Callable[..., User], client: Client) -> None:
    row = Forecast.objects.get(state="predictable")
    client.force_login(person("viewer"))
    assert "too unclear to count on" not in client.get("/capacity/").content.decode()
    Forecast.objects.filter(pk=row.pk).update(state="unclear")
    shown, fold, folded = client.get("/capacity/").content.decode().partition("too unclear to count on")
    said = "/var on db-1 is full in 9 days (6 to 14), but this is unclear."
    assert fold
    assert said in folded
    assert said not in shown.partition('id="soon"')[2]
    assert "Nothing is forecast to run out." in shown


def test_what_fell_back_before_is_told_with_its_doubt(
    server: Server, person: Callable[..., User], client: Client
) -> None:
    Forecast.objects.filter(state="predictable").update(reason="fell_back")
    client.force_login(person("viewer"))
    page = client.get("/capacity/").content.decode()
    assert "/var on db-1 is full in 9 days (6 to 14) if it does not fall back this time, as it did before." in page
    assert "One thing runs out within two weeks if it does not fall back, as it did before." in page


def test_twice_the_growth_is_half_the_time(server: Server, person: Callable[..., User], client: Client) -> None:
    client.force_login(person("viewer"))
    assert "is full in 4 days (3 to 7)" in client.get("/capacity/?growth=2").content.decode()
    assert "does not run out within two years" in client.get("/capacity/?growth=0").content.decode()
    assert client.get("/capacity/?growth=nan&larger=x&thing=%27").status_code == 200


def test_the_api_tells_the_same(server: Server, api: Callable[..., Client]) -> None:
    client = api()
    first = client.get("/api/v1/forecasts?state=predictable").json()["results"][0]
    assert (first["name"], first["labels"], first["seconds_left"]) == ("db-1", {"mount": "/var"}, 9 * DAY)
    assert first["text"] == "/var on db-1 is full in 9 days (6 to 14)."
    larger = client.get("/api/v1/forecasts/what_if?larger=2").json()["results"][0]
    assert larger["seconds_left"] == pytest.approx(109 * DAY)
    assert client.get("/api/v1/risks?horizon=hour").json()["results"][0]["percent"] == 71.0
    whole = client.get("/api/v1/capacity").json()
    assert [len(whole[name]) for name in ("sizes", "disks", "crossings")] == [1, 1, 1]
    for wrong in ("forecasts?state=x", "risks?horizon=year", "forecasts?server=x", "forecasts/what_if?growth=-1"):
        assert client.get(f"/api/v1/{wrong}").status_code == 400


def test_a_foreign_team_sees_nothing(
    server: Server, other_team: Team, person: Callable[..., User], client: Client
) -> None:
    client.force_login(person("admin", of=other_team))
    page = client.get("/capacity/").content.decode()
    assert "db-1" not in page
    assert "Nothing is forecast yet." in page
