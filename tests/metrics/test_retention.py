"""What is kept, for how long, how much of it, and that the truth is told about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Team
from metrics import fleet_api, retention
from metrics.models import Chunk, FleetChunk, Uses
from metrics.tiers import COARSE, DAY, FINE, HOUR, RAW
from monitor import env
from servers.models import Server
from tests.metrics.storing import NOON, Told, later

CPU = "cpu_used_percent"


@pytest.fixture
def told(db: None) -> Told:
    return Told()


@pytest.fixture
def server(team: Team) -> int:
    return Server.objects.create(team=team, number=1, name="web-1", hostname="h", fingerprint="f").pk


def kept_from(tier: int) -> list[int]:
    return sorted(set(Chunk.objects.filter(tier=tier).values_list("span", flat=True)))


def fill(told: Told, server: int, days: int) -> int:
    """A row an hour, all of it merged and rolled up; gives the time after it."""
    told.say(server, [CPU], [(NOON + n * HOUR, [n]) for n in range(days * 24)])
    end = NOON + days * DAY
    told.seal(end)
    told.merge(end + 2 * DAY)
    told.merge(end + 3 * DAY)
    return end


def expire(at: int) -> None:
    while retention.step(at):
        pass


def test_each_tier_is_kept_for_its_days_and_an_hour_more(told: Told, server: int, settings: LazySettings) -> None:
    settings.KEEP_RAW_DAYS, settings.KEEP_5MIN_DAYS = 1, 3
    end = fill(told, server, 5)
    expire(end)
    assert kept_from(RAW)[0] == end - DAY - 2 * HOUR, "an hour and what may come late"
    assert kept_from(FINE)[0] == end - DAY // 2 - 3 * DAY, "the day that holds the end of the third"
    assert kept_from(COARSE)[0] <= NOON
    assert set(FleetChunk.objects.filter(tier=FINE).values_list("span", flat=True)) == set(kept_from(FINE))
    (hours,) = told.rolled(server, CPU, COARSE)
    assert hours.t.tolist() == [NOON + n * HOUR for n in range(5 * 24)]
    expire(end + 800 * DAY)
    assert (Chunk.objects.count(), FleetChunk.objects.count(), Uses.objects.count()) == (0, 0, 0)


def test_by_metric_five_minutes_are_kept_for_less_long_and_hours_answer_then(
    told: Told, server: int, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, api: Callable[..., Client]
) -> None:
    settings.KEEP_RAW_DAYS = 1
    monkeypatch.setattr(retention, "SIDE_BY_SIDE", 2)
    end = fill(told, server, 5)
    for module in (retention, fleet_api):
        monkeypatch.setattr(module, "milliseconds", lambda: end)
    expire(end)
    by_metric = sorted(set(FleetChunk.objects.filter(tier=FINE).values_list("span", flat=True)))
    assert by_metric == [span for span in kept_from(FINE) if span >= end - DAY // 2 - 2 * DAY]
    assert len(kept_from(FINE)) > len(by_metric)
    client = api()
    found = {
        days: client.get(
            f"/api/v1/fleet/range?metric={CPU}&start={(end - days * DAY) / 1000}&end={end / 1000}&step=600"
        ).json()
        for days in (1, 4, 300)
    }
    assert [found[days]["step"] for days in (1, 4, 300)] == [600, 3600, 3600]
    counted = [sum(value is not None for value in found[days]["values"][0]) for days in (1, 4, 300)]
    assert counted == [24, 96, 120]


def test_what_is_really_kept_is_told(told: Told, server: int) -> None:
    assert [(kept.tier, kept.days, kept.oldest, kept.bytes) for kept in retention.kept()] == [
        (RAW, 7, None, 0), (FINE, 90, None, 0), (COARSE, 730, None, 0),
    ]  # fmt: skip
    told.say(server, [CPU], [(NOON + 5, [1])])
    assert (retention.kept()[0].oldest, retention.kept()[0].bytes) == (NOON + 5, 16), "the journal is raw as well"
    told.seal()
    told.merge(later(30))
    told.merge(later(31))
    raw, fine, coarse = retention.kept()
    assert (raw.oldest, fine.oldest) == (NOON, NOON - DAY // 2)
    assert min(raw.bytes, fine.bytes, coarse.bytes) > 0


def test_above_the_cap_the_oldest_samples_go_first_and_a_day_stays(
    told: Told, server: int, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    end = fill(told, server, 3)
    settings.DISK_CAP = 10
    sizes = iter([11, 11, 9])
    monkeypatch.setattr(retention, "used", lambda: next(sizes))
    before = kept_from(RAW)
    expire(end)
    assert kept_from(RAW) == before[2:]
    monkeypatch.setattr(retention, "used", lambda: 11)
    expire(end)
    assert kept_from(RAW)[0] == end - DAY - HOUR
    assert "only the newest day is left" in caplog.text
    assert told.rolled(server, CPU, COARSE)[0].count.sum() == 3 * 24, "months cannot be shortened by a day"


def test_the_cap_leaves_an_old_hour_whose_late_rows_are_not_merged(
    told: Told, server: int, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = fill(told, server, 3)
    told.say(server, [CPU], [(NOON + 7, [99])], received=end)
    told.seal(end + HOUR)
    settings.DISK_CAP = 10
    monkeypatch.setattr(retention, "used", lambda: 11)
    expire(end)
    assert kept_from(RAW)[0] == NOON, "not merged yet"
    assert kept_from(RAW)[1] > NOON + HOUR
    told.merge(end + 2 * HOUR)
    expire(end)
    assert kept_from(RAW)[0] > NOON
    assert told.rolled(server, CPU)[0].high[0] == 99


def test_the_database_knows_what_it_takes(told: Told, server: int) -> None:
    fill(told, server, 1)
    assert retention.used() > 0


def test_what_is_left_of_a_removed_server_goes(told: Told, server: int) -> None:
    end = fill(told, server, 1)
    Server.objects.filter(pk=server).delete()
    expire(end)
    assert (Chunk.objects.count(), Uses.objects.count()) == (0, 0)


def test_a_tier_can_be_cut_at_a_time(told: Told, server: int) -> None:
    fill(told, server, 1)
    retention.delete_before(RAW, NOON + 5 * HOUR)
    assert kept_from(RAW)[0] == NOON + 5 * HOUR


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WATCHKEEPER_KEEP_RAW_DAYS", "91", "WATCHKEEPER_KEEP_5MIN_DAYS is 90"),
        ("WATCHKEEPER_KEEP_5MIN_DAYS", "0", 'WATCHKEEPER_KEEP_5MIN_DAYS is "0"'),
        ("WATCHKEEPER_DISK_CAP", "20 apples", 'WATCHKEEPER_DISK_CAP is "20 apples"'),
        ("WATCHKEEPER_DISK_CAP", "5M", "from 100M on"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_one_sentence(name: str, value: str, said: str) -> None:
    with pytest.raises(env.Wrong, match=said):
        env.read({name: value})


@pytest.mark.parametrize(("text", "size"), [("20G", 20 << 30), ("500MiB", 500 << 20), ("1tb", 1 << 40), ("0", 0)])
def test_a_cap_is_written_as_people_write_sizes(text: str, size: int) -> None:
    assert env.read({"WATCHKEEPER_DISK_CAP": text}).disk_cap == size
