"""A replay says what really fired, as far as samples are kept, and what it looked at beyond them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.test import Client

from accounts.models import Team, User
from alerts import replay
from alerts.engine import Limits
from alerts.judging import Judge
from alerts.models import Alert, Rule
from alerts.replay import derived, spans
from alerts.replay.derived import Derived
from alerts.replay.spans import STEP, Material, Span
from core.clock import milliseconds
from metrics.names import layout_hash
from metrics.store import query
from tests.conftest import Machine
from tests.metrics.storing import Told

PREVIEW = "/api/v1/rules/preview"
HOUR, DAY = 3_600_000, 86_400_000


@pytest.fixture
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.end()


def tell(machine: Machine, times: list[float], values: list[float], column: str = "cpu") -> None:
    machine.seq += 1
    rows = [[at, value] for at, value in zip(times, values, strict=True)]
    body = {"boot": "b1", "seq": machine.seq, "layout": layout_hash([column]), "columns": [column], "rows": rows}
    assert machine.post(body).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"critical": 95},
        {"warn": 80, "warn_recover": 60, "critical": 95, "critical_recover": 90},
        {"critical": 90, "for_seconds": 30, "critical_recover": 50},
        {"critical": 90, "keep_firing_seconds": 60},
        {"op": "below", "warn": 20, "warn_recover": 40, "for_seconds": 20},
    ],
)
def test_on_samples_a_replay_equals_what_really_fired(
    fields: dict[str, Any], team: Team, machine: Callable[..., Machine], judge: Judge, now: float
) -> None:
    rule = Rule.objects.create(team=team, name="hot", metric="cpu", group_wait=0, **fields)
    end = now // 10 * 10
    judge.step()
    for number in range(2):
        web = machine(f"web-{number}")
        dice = random.Random(number)
        times = [end - 10 * place for place in range(360)][::-1]
        values, level = [], 50.0
        for _ in times:
            level = min(100.0, max(0.0, level + dice.uniform(-25, 25)))
            values.append(level)
        tell(web, times, values)
    while judge.step():
        pass
    really = {
        (alert.server_id, alert.since + rule.for_seconds * 1000, alert.judged if alert.resolved_at else None)
        for alert in Alert.objects.exclude(state="pending")
    }
    made = replay.preview(rule, replay.Asked(int(end * 1000), days=1))
    assert len(really) > 3
    assert {(one.server, one.start, one.end) for one in made.found.spans} == really
    assert made.found.exact_from is not None
    assert made.found.exact_from <= min(start for _, start, _ in really)


def test_a_change_is_replayed_as_it_was_judged(
    team: Team, machine: Callable[..., Machine], judge: Judge, now: float
) -> None:
    rule = Rule.objects.create(
        team=team, name="jump", kind="change", metric="cpu", critical=30, group_wait=0, params={"window": 60}
    )
    end = now // 10 * 10
    judge.step()
    web = machine()
    dice = random.Random(4)
    times = [end - 10 * place for place in range(300)][::-1]
    tell(web, times, [dice.choice((10, 20, 45)) for _ in times])
    while judge.step():
        pass
    really = {(one.since, one.judged if one.resolved_at else None) for one in Alert.objects.all()}
    made = replay.preview(rule, replay.Asked(int(end * 1000), days=1))
    assert len(really) > 3
    assert {(one.start, one.end) for one in made.found.spans} == really


class Fleet:
    """Servers with two days behind them, of which samples are left of the last one alone."""

    def __init__(self, machine: Callable[..., Machine]) -> None:
        self.now = milliseconds() // HOUR * HOUR
        self.told = Told()
        self.tell(machine("web-0"), [(40, 0.5, 96.0), (30, 0.5, 97.0), (5, 0.2, 99.0)])
        self.tell(machine("web-1"), [(35, 1, 91.0), (5, 0.2, 98.0)])
        self.tell(machine("web-2"), [(33, 2, np.nan), (5, 0.2, np.nan)])
        self.told.seal()
        for days in (1, 2):
            self.told.merge(self.now + days * DAY)
        query.store.delete_before(0, self.now - DAY)

    def tell(self, machine: Machine, bad: list[tuple[float, float, float]]) -> None:
        """20 all the time but for this: hours ago, hours long, value."""
        machine.server.interval = 60
        machine.server.save()
        times = np.arange(self.now - 2 * DAY, self.now, 60_000)
        values = np.full(len(times), 20.0)
        for ago, long, value in bad:
            begin = self.now - int(ago * HOUR)
            values[(times >= begin) & (times < begin + int(long * HOUR))] = value
        pairs = zip(times.tolist(), values.tolist(), strict=True)
        rows = [(at, [value]) for at, value in pairs if not np.isnan(value)]
        self.told.say(machine.server.pk, ["cpu"], rows, received=self.now)

    def preview(self, rule: Rule, **how: Any) -> dict[str, Any]:
        return replay.preview(rule, replay.Asked(self.now - 60_000, **how)).answer()


def test_before_samples_are_kept_it_is_judged_by_the_worst_of_five_minutes_and_says_so(
    team: Team, machine: Callable[..., Machine]
) -> None:
    fleet = Fleet(machine)
    made = fleet.preview(Rule(team=team, name="hot", metric="cpu", critical=90), days=10)
    assert (made["fired"], made["short"], made["judged"], made["servers"]) == (5, 0, 3, 3)
    assert round(made["days"]) == 2
    assert "5-minute maxima" in made["note"]
    assert {one["peak"] for one in made["spans"]} == {96, 97, 99, 91, 98}
    assert [round((fleet.now / 1000 - one["start"]) / 3600, 1) for one in made["spans"]][:3] == [5.0, 30.0, 40.0]
    assert made["chart"]["name"] == "web-0"
    assert 13.9 < made["messages_per_week"] < 14.2, "four in two days: what begins at once is told together"
    below = Rule(team=team, name="calm", metric="cpu", op="below", critical=25, for_seconds=60)
    assert "5-minute minima" in fleet.preview(below)["note"]
    # A limit that fires at most twice a month.
    rule = Rule(team=team, name="hot", metric="cpu", warn=90, warn_recover=88, critical=95)
    wanted = {"warn": 98, "warn_recover": 96, "critical": 98, "critical_recover": None, "fired": 1}
    assert fleet.preview(rule)["suggested"] == wanted
    assert fleet.preview(Rule(team=team, name="calm", metric="cpu", critical=98.5))["suggested"] is None
    assert "There was no time for what was before" in fleet.preview(rule, seconds=0.0)["note"]


def test_silence_is_found_in_gaps(team: Team, machine: Callable[..., Machine]) -> None:
    fleet = Fleet(machine)
    silent = fleet.preview(Rule(team=team, name="down", kind="no_data", metric="cpu", for_seconds=240))
    assert [(one["name"], one["end"] - one["start"]) for one in silent["spans"]] == [
        ("web-2", 13 * 60 - 240), ("web-2", 2 * 3600 + 60 - 240),
    ]  # fmt: skip
    assert "fills them" in silent["note"]
    joined = Rule(team=team, name="both", kind="composite", params={"rules": "x"})
    assert "not replayed" in fleet.preview(joined)["note"]


def test_what_differs_from_its_own_past_is_reckoned_as_it_is_live() -> None:
    times = np.arange(0, 9 * DAY, STEP)
    means = np.where(times % DAY < HOUR, 80.0, 20.0).astype(np.float32)  # busy for an hour each night
    means[-60:-54] = 80
    rule = Rule(name="odd", kind="past", metric="cpu", critical=100, params={"against": "day", "window": 1800})
    made = Derived(rule, times, means)
    at, compared = made.buckets(8 * DAY, 9 * DAY)
    assert at[0] == 8 * DAY
    assert compared[:11].max() < 40, "what comes each night is usual"
    assert set(np.round(compared[-60:-54])) == {300}
    assert made.back(5) == 5
    assert derived.reach(rule) == 7 * DAY + 1_800_000


def test_spans_are_counted_as_people_count_them() -> None:
    def span(start: float, end: float | None, server: int = 1) -> Span:
        return Span(server, (), int(start * HOUR), None if end is None else int(end * HOUR), "warn", 1.0)

    listed = [span(21.5, 21.6), span(23, 24, 2), span(23.5, 30), span(30.5, None)]
    assert spans.short(listed) == 1
    assert spans.at_night(listed, ZoneInfo("UTC")) == 3
    assert spans.at_night(listed, ZoneInfo("Europe/Copenhagen")) == 3, "1970: 22:30, 0:00, 0:30 and 7:30"
    assert spans.troubles(listed, by_server=False) == 3
    assert spans.troubles(listed, by_server=True) == 4


def test_a_series_goes_on_from_its_buckets_to_its_samples() -> None:
    buckets = np.array([0, STEP, 2 * STEP]), np.array([10.0, 99.0, 99.0])
    samples = np.array([3 * STEP, 3 * STEP + 10_000]), np.array([99.0, 10.0])
    line = Material(1, (), 10_000, buckets, samples)
    (found,) = spans.judge(line, Limits(above=True, critical=90.0, wait=STEP), 4 * STEP)
    assert (found.start, found.end, found.peak) == (2 * STEP, 3 * STEP + 10_000, 99)


def test_the_api_previews_what_a_team_may_see(
    team: Team,
    other_team: Team,
    machine: Callable[..., Machine],
    api: Callable[..., Client],
    person: Callable[..., User],
) -> None:
    owner = person()
    owner.zone = "America/Sao_Paulo"
    owner.save()
    web = machine("web-1")
    machine("theirs", of=other_team).report(cpu=99)
    end = milliseconds() / 1000
    tell(web, [end - 30, end - 20, end - 10], [99.0, 99.0, 10.0])
    client = api(owner)
    body = {"metric": "cpu", "critical": 90, "days": 2}
    made = client.post(PREVIEW, body, content_type="application/json")
    assert made.status_code == 200, made.json()
    said = made.json()
    assert (said["fired"], said["short"], said["servers"], said["zone"]) == (1, 1, 1, "America/Sao_Paulo")
    assert said["spans"][0]["server"] == str(web.server.uuid)
    assert not Rule.objects.exists()
    for wrong, field in (({"days": 91}, "days"), ({"critical": None}, "critical"), ({"dayz": 1}, "dayz")):
        refused = client.post(PREVIEW, body | wrong, content_type="application/json")
        assert refused.status_code == 400
        assert list(refused.json()["fields"]) == [field]
    assert client.post(PREVIEW, body | {"team": "Strangers"}, content_type="application/json").status_code == 400
    assert api(person("viewer")).post(PREVIEW, body, content_type="application/json").status_code == 403


def test_a_rule_of_the_api_and_one_of_a_file_fire_as_their_preview_says(
    team: Team, machine: Callable[..., Machine], api: Callable[..., Client], judge: Judge
) -> None:
    client, web = api(), machine()
    body = {"metric": "cpu", "critical": 90, "group_wait": 0}
    assert client.post("/api/v1/rules", body | {"name": "api"}, content_type="application/json").status_code == 201
    file = "rules:\n  - {name: file, metric: cpu, critical: 90, group_wait: 0}\n"
    assert client.post("/api/v1/rules/file", file, content_type="application/yaml").json()["lines"] == ["+ file"]
    judge.step()
    end = milliseconds() / 1000
    tell(web, [end - 30, end - 20, end - 10], [50.0, 99.0, 50.0])
    while judge.step():
        pass
    fired = Alert.objects.values_list("rule__name", "since", "judged", "state").order_by("rule__name")
    said = client.post(PREVIEW, body, content_type="application/json").json()["spans"]
    (since, over) = (round(said[0][name] * 1000) for name in ("start", "end"))
    assert list(fired) == [("api", since, over, "resolved"), ("file", since, over, "resolved")]
