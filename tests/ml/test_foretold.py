"""From stored samples to a forecast, its series, and the rule that looks at it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from accounts.models import Team
from alerts.defaults import DEFAULTS
from alerts.judging import Judge
from alerts.models import Alert, Notice, Rule
from alerts.services import said
from core.clock import milliseconds, now
from metrics.store import query
from ml import tasks
from ml.foretell import work
from ml.foretell.things import LINES, SERIES
from ml.models import Crossing, DiskRisk, Forecast, Risk, Sizing, Training, Watch
from ml.services import outlook
from tests.conftest import Machine
from tests.ml.living import store
from tests.product import until

HOUR = 3_600_000
COLUMNS = (
    'disk_used_bytes{mount="/var"}', 'disk_total_bytes{mount="/var"}', 'disk_used_bytes{mount="/log"}',
    'disk_total_bytes{mount="/log"}', "cpu_used_percent", "memory_used_percent",
    'disk_pending_sectors{device="sda"}', 'disk_healthy{device="sda"}',
)  # fmt: skip


def days_of(server: int, days: int, to: int) -> None:
    """A disk that fills, one that is rotated, little work, and a disk that passes its own test and is failing."""
    hours = np.arange(days * 24)
    at = to - (days * 24 - 1 - hours) * HOUR
    used = 50e9 + 1e9 * hours / 24
    teeth = 20e9 + 60e9 * (hours % 168) / 168
    flat = np.ones(len(hours))
    columns = [used, 100e9 * flat, teeth, 100e9 * flat, 2 * flat, 20 * flat, 16 * (hours > 60), flat]
    store(server, at.astype(np.int64), np.stack(columns, axis=1), COLUMNS)


def stored(server: int) -> list[dict[str, str]]:
    """The labels of its forecasts, once they are stored."""
    asked = query.Range(milliseconds() - HOUR, milliseconds() + HOUR)
    found: list[dict[str, str]] = until(
        lambda: [one["labels"] for one in query.series(server, [SERIES], asked)["series"]], what="the series"
    )
    return found


@pytest.fixture
def told(machine: Callable[..., Machine]) -> Machine:
    found = machine("db-1")
    days_of(found.server.pk, 30, milliseconds())
    return found


def test_an_hours_work_says_when_disks_are_full_and_what_follows(told: Machine) -> None:
    server = told.server.pk
    assert work.hour() == 2
    full = Forecast.objects.get(server=server, labels='{mount="/var"}')
    assert full.state == "predictable"
    assert full.seconds_left is not None
    assert full.seconds_left / 86400 == pytest.approx(20, abs=1)
    assert len(full.said) == 1
    rotated = Forecast.objects.get(server=server, labels='{mount="/log"}')
    assert (rotated.state, rotated.reason) == ("not_predictable", "saw_tooth")
    assert Sizing.objects.get(server=server).state == "idle"
    disk = DiskRisk.objects.get(server=server, device="sda")
    assert (disk.state, disk.by) == ("high", "rule")  # though it passes its own test
    weeks = Risk.objects.get(server=server, horizon="two_weeks")
    assert [one["kind"] for one in weeks.evidence] == ["disk"]
    assert stored(server) == [{"metric": "disk_used_bytes", "mount": "/var"}]
    work.hour()
    assert Forecast.objects.count() == 2
    assert len(Forecast.objects.get(pk=full.pk).said) == 1


def test_a_limit_that_is_met_keeps_what_was_said_of_it(told: Machine) -> None:
    server, now = told.server.pk, milliseconds()
    work.hour(now)
    later = now + 5 * HOUR
    row = [101e9, 100e9, 20e9, 100e9, 2, 20, 16, 1]
    store(server, np.array([later], np.int64), np.array([row]), COLUMNS)
    work.hour(later)
    met = Crossing.objects.get(server=server)
    assert (met.metric, met.labels, len(met.said)) == ("disk_used_bytes", '{mount="/var"}', 1)
    assert Forecast.objects.get(server=server, labels='{mount="/var"}').reason == "met"
    assert Risk.objects.get(server=server, horizon="day").state == "met"
    work.hour(later)
    assert Crossing.objects.count() == 1


def test_a_rule_on_the_time_left_is_told_in_words(told: Machine, team: Team) -> None:
    """Growing disk, forecast, its series, the rule, the message; and once it was emptied, the end."""
    rule = Rule.objects.create(
        team=team, name="Fills up", kind="forecast", metric="forecast_seconds_left", op="below", warn=30 * 86_400,
        group_wait=0,
    )  # fmt: skip
    judge = Judge()
    try:
        while judge.step():
            pass
        work.hour()
        stored(told.server.pk)
        while judge.step():
            pass
        alert = Alert.objects.open().get(rule=rule)
        assert (alert.state, alert.severity) == ("firing", "warn")
        assert alert.labels == {"metric": "disk_used_bytes", "mount": "/var"}
        assert alert.incident is not None
        title = said.title(alert.incident)
        assert "db-1" in title
        assert "/var" in title
        text = Notice.objects.get(alert=alert, kind="firing").text
        assert "in about 20 d" in text or "in about 19 d" in text
    finally:
        judge.end()


def test_memory_that_leaks_and_is_started_again_raises_no_risk(machine: Callable[..., Machine]) -> None:
    """Full in a day at this pace, and it never was: three days up, then the service begins anew."""
    found = machine("app-1")
    hours = np.arange(8 * 24)
    used = 32e9 * (40 + (42 - 17 * (hours[::-1] / 24)) % 54) / 100
    rows = np.stack([used, np.full(len(hours), 32e9)], axis=1)
    at = milliseconds() - hours[::-1] * HOUR
    store(found.server.pk, at.astype(np.int64), rows, ("memory_used_bytes", "memory_total_bytes"))
    work.hour()
    row = Forecast.objects.get(server=found.server)
    assert (row.state, row.reason, row.seconds_left) == ("not_predictable", "saw_tooth", None)
    assert not Risk.objects.filter(server=found.server, state__in=["raised", "high", "met"]).exists()


def test_a_short_past_says_that_it_is_short(machine: Callable[..., Machine]) -> None:
    found = machine("new-1")
    hours = np.arange(3)
    row = np.stack([50e9 + 1e9 * hours, 100e9 * np.ones(3)], axis=1)
    store(found.server.pk, (milliseconds() - (2 - hours) * HOUR).astype(np.int64), row, COLUMNS[:2])
    work.hour()
    assert Forecast.objects.get(server=found.server).state == "not_enough"
    assert Risk.objects.get(server=found.server, horizon="hour").state == "not_enough"


def test_who_brings_a_past_along_is_looked_at_once_it_is_learnt(
    told: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_looked", [])
    watch = Watch.objects.create(server=told.server, since=0)
    tasks.learn()
    assert not Forecast.objects.exists(), "nothing is learnt yet"
    watch.full_at = 1
    watch.save()
    day = Training.objects.create(server=told.server, why="day", due_at=now())
    tasks.learn()
    assert not Forecast.objects.exists(), "more of its past is learnt in a moment"
    day.delete()
    tasks.learn()
    assert Forecast.objects.exists()
    Sizing.objects.all().delete()
    Forecast.objects.all().delete()
    tasks.learn()
    assert not Forecast.objects.exists(), "from then on once an hour"


@pytest.mark.parametrize("metric", sorted(LINES))
def test_what_a_rule_only_warns_of_is_not_called_critical(metric: str) -> None:
    critical = [rule.critical for rule in DEFAULTS if rule.metric == metric and rule.critical is not None]
    one = {"kind": "over", "metric": metric, "labels": "", "percent": 100, "value": 98.0, "limit": LINES[metric]}
    said = outlook.risk_said(Risk(state="met", horizon="hour", percent=100, evidence=[one]))
    reached = any(line <= LINES[metric] for line in critical)
    assert said.startswith("Critical now: " if reached else "Warning now: ")
    assert "critical" not in said
