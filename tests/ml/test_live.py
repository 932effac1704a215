"""From a machine's sample to its score: learnt for real, judged within a minute, never twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client

from alerts.absence import newest_reports
from core.models import Cursor, Lease
from metrics import inside, journal
from metrics.services import Overtaken, TooManySeries
from ml.models import Episode, ModelVersion, Training, Watch
from ml.scores import outbox
from ml.scores.consumer import NAME
from ml.scores.outbox import COLUMNS as OURS
from tests.conftest import Machine
from tests.ml.living import COLUMNS, DAY, GRID, Scene, drive, know, learn, now_on_grid, scorer, scores, store, usual
from tests.product import until

Api = Callable[..., Client]


@pytest.fixture
def scene(machine: Callable[..., Machine]) -> Scene:
    return Scene(machine(), now_on_grid() - 3_600_000)


@pytest.fixture
def known(scene: Scene) -> Scene:
    """A machine that is learnt."""
    know(scene.server)
    return scene


def test_a_sample_has_its_score_within_a_minute_and_a_fault_is_an_episode(scene: Scene) -> None:
    scene.past(2 * DAY)
    judge = scorer()
    drive(judge, scene, 1)
    watch = Watch.objects.get(server=scene.server)
    assert watch.stage == "waiting"
    assert learn() == 1
    version = ModelVersion.objects.current().get(server=scene.server)
    assert not version.short
    assert Training.objects.standing().get(server=scene.server).why == "weekly"
    judge.book.changed.set()
    drive(judge, scene, 30)
    found = scores(scene.server)
    assert set(scene.rows[1:]) <= set(found)
    assert max(list(found.values())[-20:]) < 1
    assert not Episode.objects.exists()
    scene.wrong = 8
    drive(judge, scene, 12)
    (episode,) = Episode.objects.all()
    assert episode.ended_at is None
    assert episode.version == version.number
    assert episode.top[0]["column"] in {"cpu_used_percent", 'disk_write_bytes_per_second{device="sda"}'}
    assert scores(scene.server)[scene.at] >= 1


def test_who_brings_a_past_along_sees_at_once_what_was_unusual_in_it(scene: Scene) -> None:
    times = np.arange(scene.at - 2 * DAY, scene.at, 60_000, dtype=np.int64)
    values = usual(times, 1)
    values[900:920] *= 4
    store(scene.server, times, values, received=scene.at)
    drive(scorer(), scene, 1)
    assert learn() == 1
    told = Episode.objects.order_by("-peak").first()
    assert told is not None
    assert told.ended_at is not None
    assert abs(told.began_at.timestamp() * 1000 - times[900]) <= 600_000
    assert told.peak > 1


def test_an_episode_ends_after_ten_calm_minutes_and_is_one(known: Scene) -> None:
    judge = scorer()
    drive(judge, known, 10)
    known.wrong = 9
    drive(judge, known, 12)
    known.wrong = 0
    drive(judge, known, 20)
    known.wrong = 9
    drive(judge, known, 12)
    known.wrong = 0
    drive(judge, known, 50)
    assert Episode.objects.get().ended_at is None, "ten minutes are not over"
    drive(judge, known, 90)
    episode = Episode.objects.get()
    assert episode.ended_at == episode.last_at
    assert episode.ended_at is not None
    assert 1 < episode.peak == max(scores(known.server).values())
    assert 1 <= len(episode.top) <= 5


def test_after_a_kill_what_has_a_verdict_keeps_it_and_nothing_is_left_out(known: Scene) -> None:
    judge = scorer("first")
    drive(judge, known, 20)
    before = scores(known.server)
    for _ in range(3):  # judged, and not written yet: then the process dies
        known.report()
        judge.step()
    assert scores(known.server) == before
    Lease.objects.all().delete()
    again = scorer("second")
    again.wall = lambda: known.at
    again.step()
    drive(again, known, 7)
    after = scores(known.server)
    assert {at: after[at] for at in before} == before
    assert set(known.rows) <= set(after)


def test_a_commit_that_takes_longer_than_one_waits_gives_no_second_verdict(
    known: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = scorer()
    drive(judge, known, 8)
    slow, stored = threading.Event(), journal._insert

    def insert(entries: list[journal.Entry]) -> None:
        if any(one.guard for one in entries):
            assert slow.wait(10)
        stored(entries)

    monkeypatch.setattr(journal, "_insert", insert)
    monkeypatch.setattr(outbox, "WAIT", 0.05)
    judge.wall = lambda: known.at
    for _ in range(6):  # the sixth is a minute's last, which is written
        store(known.server, np.array([known.at + GRID], np.int64), usual(np.array([known.at + GRID]), 5))
        known.at += GRID
        known.rows.append(known.at)
        try:
            judge.step()
        except TimeoutError:
            break
    assert judge.outbox.unsettled()
    before, turns = judge.judged, [judge.step() for _ in range(3)]
    assert (judge.judged, turns) == (before, [False] * 3), "nothing is judged anew while it may be stored yet"
    slow.set()
    until(lambda: not judge.outbox.unsettled(), 10, "the slow commit")
    first = scores(known.server)
    assert known.at in first
    monkeypatch.setattr(outbox, "WAIT", 10.0)
    drive(judge, known, 12)
    after = scores(known.server)
    assert {at: after[at] for at in first} == first
    assert set(known.rows) <= set(after)
    written = [at for row in journal.read(0) if row.own for at in row.times.tolist()]
    assert len(written) == len(set(written)), "each moment has one verdict"


def test_a_machine_that_falls_silent_holds_nothing_up(known: Scene) -> None:
    judge = scorer()
    drive(judge, known, 8)
    for _ in range(3):  # judged, and too few to be written at once; nothing comes after them
        known.report()
        judge.step()
    assert Cursor.objects.place(NAME) < judge.place
    judge.outbox.monotonic = lambda: time.monotonic() + 61
    judge.step()
    assert set(known.rows) <= set(scores(known.server))
    assert Cursor.objects.place(NAME) >= judge.place - 1, "the journal would never be sealed behind it"


def test_a_server_with_too_many_series_of_ours_holds_nobody_up(
    known: Scene, machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded = Scene(machine(name="crowded"), known.at)
    know(crowded.server)
    judge = scorer()
    take = inside.allowance.take

    def full(server: int, layout: Any) -> None:
        if server == crowded.server:
            raise TooManySeries("Too many.")
        take(server, layout)

    monkeypatch.setattr(inside.allowance, "take", full)
    for _ in range(8):
        crowded.report()
        known.report()
        judge.step()
    judge.outbox.flush(judge.lease.still, all_of_it=True)
    judge._advance()
    assert set(known.rows) <= set(scores(known.server))
    assert scores(crowded.server) == {}
    assert judge.outbox.first() is None


def test_of_two_scorers_one_writes(known: Scene) -> None:
    first, second = scorer("first"), scorer("second")
    drive(first, known, 8)
    known.report()
    first.step()
    assert not second.step()
    assert not second.loaded
    Lease.objects.all().delete()  # the first stood still for longer than its lease
    second.lease.renew_at = 0.0
    drive(second, known, 6)
    told, place = scores(known.server), Cursor.objects.place(NAME)
    with pytest.raises(Overtaken):
        first.outbox.flush(first.lease.still, all_of_it=True)
    assert scores(known.server) == told
    first.lease.renew_at = float("inf")
    first.step()
    assert not first.loaded
    assert Cursor.objects.place(NAME) == place


def test_what_comes_late_or_again_or_from_the_future_is_not_judged_twice_or_at_all(known: Scene) -> None:
    judge = scorer()
    drive(judge, known, 12)
    before = scores(known.server)
    times = np.array(known.rows[-5:], np.int64)
    store(known.server, times, usual(times, 9) * 50)
    old = np.arange(known.at - 7 * DAY, known.at - 6 * DAY, 600_000, dtype=np.int64)
    store(known.server, old, usual(old, 9) * 50, received=known.at)
    ahead = np.array([known.at + 3_600_000], np.int64)
    store(known.server, ahead, usual(ahead, 9) * 50, received=known.at)
    drive(judge, known, 6)
    after = scores(known.server)
    assert {at: after[at] for at in before} == before
    assert set(after) - set(before) == set(known.rows[-6:])
    assert not Episode.objects.exists()


def test_our_own_series_are_not_judged_and_columns_may_come_and_go(known: Scene) -> None:
    judge = scorer()
    drive(judge, known, 10)
    version = ModelVersion.objects.get()
    assert not set(version.columns) & set(OURS)
    for number in range(10):
        known.at += GRID
        at = np.array([known.at], np.int64)
        row = usual(at, number)
        # One is gone, one is new, and the order is another.
        store(known.server, at, np.column_stack([row[:, 4], np.full(1, 7.0), row[:, :4]]), (
            COLUMNS[4], 'disk_used_percent{mount="/new"}', *COLUMNS[:4],
        ))  # fmt: skip
        judge.step()
    judge.outbox.flush(judge.lease.still, all_of_it=True)
    found = scores(known.server)
    assert known.at in found
    assert all(np.isfinite(list(found.values())))


def test_while_it_is_learnt_it_shows_and_cannot_alert(scene: Scene) -> None:
    know(scene.server, full=False)
    judge = scorer()
    scene.wrong = 9
    drive(judge, scene, 20)
    judge._note()
    watch = Watch.objects.get(server=scene.server)
    assert watch.stage == "learning"
    assert watch.score is not None
    assert watch.score > 0.5
    assert scores(scene.server) == {}
    assert not Episode.objects.exists()


@pytest.mark.parametrize("full", [True, False], ids=["full", "learning"])
def test_who_is_unusual_now_says_why_and_who_is_calm_again_does_not(scene: Scene, api: Api, full: bool) -> None:
    know(scene.server, full=full)
    scene.at = now_on_grid() - 400_000
    judge, client = scorer(), api()
    drive(judge, scene, 20)
    scene.wrong = 9
    drive(judge, scene, 12)
    (one,) = client.get("/api/v1/anomalies/now").json()
    assert one["score"] >= 1
    assert one["stage"] == ("full" if full else "learning")
    assert one["top"][0]["column"] in {"cpu_used_percent", 'disk_write_bytes_per_second{device="sda"}'}
    assert one["top"][0]["value"] > one["top"][0]["high"]
    assert sum(reason["share"] for reason in one["top"]) <= 1
    scene.wrong = 0
    scene.at += 600_000
    drive(judge, scene, 8)
    judge._note()
    (one,) = client.get("/api/v1/anomalies/now").json()
    assert (one["score"] < 0.5, one["top"]) == (True, [])


def test_that_a_learning_server_goes_over_its_limit_is_told_at_once(scene: Scene) -> None:
    know(scene.server, full=False)
    judge = scorer()
    drive(judge, scene, 8)
    judge.book.known[scene.server].worded = float("inf")  # just told: nothing more of it for a while
    scene.wrong = 9
    drive(judge, scene, 8)
    watch = Watch.objects.get(server=scene.server)
    assert (watch.score or 0) >= 1
    assert watch.top


def test_a_hundred_servers_that_lose_their_agent_are_silent_and_no_storm(known: Scene) -> None:
    from servers.models import Server

    team = known.machine.server.team
    many = Server.objects.bulk_create(
        Server(team=team, number=900 + one, name=f"s{one}", hostname=f"s{one}", fingerprint=f"s{one}")
        for one in range(100)
    )
    version = ModelVersion.objects.get()
    Watch.objects.bulk_create(Watch(server=one, since=0, full_at=0, version=version, threshold=2.5) for one in many)
    judge = scorer()
    judge.step()
    for _ in range(30):
        judge.step()
    judge._sweep()
    assert Watch.objects.filter(silent=True).count() >= 100
    assert not Episode.objects.exists()
    drive(judge, known, 1)
    judge._sweep()
    assert not Watch.objects.get(server=known.server).silent


def test_paused_servers_rest_and_scores_are_no_sign_of_life(known: Scene) -> None:
    judge = scorer()
    drive(judge, known, 8)
    heard = newest_reports()[known.server]
    assert heard[1] == known.at
    known.machine.server.paused = True
    known.machine.server.save()
    judge.book.changed.set()
    before = scores(known.server)
    known.wrong = 9
    drive(judge, known, 8)
    assert scores(known.server) == before
    assert not Episode.objects.exists()
