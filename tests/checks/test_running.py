"""The runner on real rows: results as series and events, retries, leases, restarts, heartbeats that are missed."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team
from checks import beating, history, series, services
from checks.models import Check, Run, Signal
from checks.runner import Runner
from core.models import Cursor
from metrics.store import DatabaseStore
from servers.models import Event, Server
from tests.checks.pages import Pages

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Check]


@pytest.fixture
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.end()


def turn(runner: Runner, check: Check, *, times: int = 1) -> Run:
    """Run it so often, as if its time had come."""
    for _ in range(times):
        Run.objects.filter(check_ref=check).update(due_at=datetime.now(UTC) - timedelta(seconds=1))
        before = Run.objects.get(check_ref=check).at
        end = time.monotonic() + 5
        while Run.objects.get(check_ref=check).at == before and time.monotonic() < end:
            runner.step()
            runner.flush()
            time.sleep(0.005)
    return Run.objects.get(check_ref=check)


def told(check: Check, metric: str, **more: str) -> list[float]:
    store, now = DatabaseStore(), int(time.time() * 1000)
    wanted = check.column(metric, **more)
    for _ in range(100):
        named = [
            one for one in store.series(check.server_id, [metric], now - 60_000, now + 60_000)
            if services.spelled(one.key) == wanted
        ]  # fmt: skip
        lines = store.range(check.server_id, named, now - 60_000, now + 60_000)
        if lines:
            return [round(float(value), 6) for line in lines.values() for value in line.mean]
        time.sleep(0.02)
    return []


def test_results_become_series_and_events(pages: Pages, check: Make, runner: Runner) -> None:
    made = check(target=pages.url("/"), retries=0, name="Shop")
    run = turn(runner, made)
    assert (run.state, run.said, run.failures) == ("up", "It answers 200.", 0)
    pages.status = 503
    down = turn(runner, made)
    assert (down.state, down.said) == ("down", "It answers 503, not 200-299.")
    pages.status = 200
    assert turn(runner, made).state == "up"
    series.store([series.Sample(made, int(time.time() * 1000), 1.0)])
    assert told(made, "check_up") == [1, 0, 1, 1]
    errors = told(made, "check_error_percent")
    assert [one for one in errors if not math.isnan(one)] == [0, 0]  # while it is down that is what is told
    assert len(told(made, "check_response_part_seconds", part="connect")) == 2  # of those that worked
    texts = list(Event.objects.filter(server=made.server).order_by("pk").values_list("text", flat=True))
    assert texts == ["Check Shop is down: It answers 503, not 200-299.", "Check Shop is up again: It answers 200."]
    now = int(time.time() * 1000)
    found = history.history(made, now - 60_000, now)
    assert found.share.down > 0
    assert found.share.unknown > 50
    assert found.percentiles[50] is not None


def test_one_failure_is_tried_again_soon_and_not_told(pages: Pages, check: Make, runner: Runner) -> None:
    made = check(target=pages.url("/"), retries=2, interval=3600)
    turn(runner, made)
    pages.status = 500
    run = turn(runner, made)
    assert (run.state, run.failures) == ("failing", 1)
    assert run.due_at is not None
    assert run.at is not None
    assert (run.due_at - run.at).total_seconds() <= 10
    assert turn(runner, made).state == "failing"
    assert turn(runner, made).state == "down"
    assert Event.objects.filter(server=made.server).count() == 1


def test_two_runners_never_run_one_twice(pages: Pages, check: Make) -> None:
    rows = [check(target=pages.url(f"/{number}")) for number in range(12)]
    first, second = Runner("one"), Runner("two")
    try:
        at = datetime.now(UTC)
        claimed = [run.pk for run in first.claim(at)] + [run.pk for run in second.claim(at)]
        assert sorted(claimed) == sorted(one.pk for one in rows)
        assert first.claim(at) == second.claim(at) == []
        # One that died: its lease lapses, and its late result is not written over the other's.
        late = at + timedelta(seconds=120)
        assert len(second.claim(late)) == 12
        assert set(Run.objects.values_list("lease_owner", flat=True)) == {"two"}
    finally:
        first.end()
        second.end()


def test_what_a_person_changed_meanwhile_is_not_judged_by_the_old_answer(
    pages: Pages, check: Make, runner: Runner
) -> None:
    made = check(target=pages.url("/slow"))
    runner.step()
    services.change(made, {"target": pages.url("/broken")}, by=None)
    time.sleep(0.5)
    runner.flush()
    assert Run.objects.get(check_ref=made).state == "new"
    assert turn(runner, made).said == "It answers 500, not 200-299."


def test_credentials_of_another_secret_key_hold_up_nobody(
    pages: Pages, check: Make, runner: Runner, settings: LazySettings
) -> None:
    sealed = check(target=pages.url("/"), config={"headers": {"Authorization": "Bearer s3cret"}}, name="sealed")
    settings.SECRET_KEY = "another " * 8
    run = turn(runner, sealed)
    assert (run.state, "another secret key" in run.said) == ("new", True)
    assert runner.running == 0
    assert turn(runner, check(target=pages.url("/"), name="plain")).state == "up"


def test_heartbeats_are_judged_while_every_thread_looks(check: Make, runner: Runner) -> None:
    beat = check("heartbeat", name="backup")
    check("tcp", target="example.org:1")
    runner.running = 200
    assert [run.check_ref_id for run in runner.claim(datetime.now(UTC))] == [beat.pk]
    runner.running = 0


def test_after_a_restart_nothing_is_made_up_for_and_turns_are_spread(check: Make, runner: Runner) -> None:
    team_checks = [check("tcp", target="example.org:1", interval=60) for _ in range(30)]
    now = datetime.now(UTC)
    Run.objects.update(due_at=now - timedelta(hours=1))
    Cursor.objects.create(name="checks", place=int((now.timestamp() - 3600) * 1000))
    runner.begin(now)
    due = sorted((run.due_at - now).total_seconds() for run in Run.objects.all() if run.due_at)
    assert due[0] > 0
    assert due[-1] <= 61
    assert max(b - a for a, b in pairwise(due)) < 8
    assert len(due) == len(team_checks)


def test_a_machine_that_slept_was_away_and_one_whose_clock_was_set_back_waits_for_no_hour(
    check: Make, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now = beat(check), datetime.now(UTC)
    heard(made, "success", now - timedelta(seconds=4000))
    runner.step()
    for later in (3600, -3600):
        monkeypatch.setattr("checks.runner.now", lambda later=later: now + timedelta(seconds=later))
        monkeypatch.setattr(runner, "marked", float("-inf"))
        Cursor.objects.filter(name="checks").update(place=round(now.timestamp() * 1000))
        runner.step()
        run = Run.objects.get(check_ref=made)
        assert run.state != "down"
        assert run.due_at is not None
        assert 0 < (run.due_at - now).total_seconds() - later <= 61


def test_a_paused_check_rests(pages: Pages, check: Make, runner: Runner) -> None:
    made = check(target=pages.url("/"))
    services.change(made, {"paused": True}, by=None)
    runner.step()
    assert pages.asked == []
    services.change(made, {"paused": False}, by=None)
    assert turn(runner, made).state == "up"


def test_a_check_that_stands_alone_has_a_row_that_goes_with_it(team: Team, check: Make) -> None:
    Server.objects.create(team=team, name="Shop", number=1)
    made = services.make(Check(team=team, kind="tcp", name="Shop", target="example.org:1"), tags=["web"], by=None)
    row = made.server
    assert (row.internal, row.stands_for, row.tags, row.role) == (True, "check", ["web"], "check")
    assert row.name.startswith("Shop (check ")
    assert not Server.objects.watched().filter(pk=row.pk).exists()
    assert Server.objects.judged().filter(pk=row.pk).exists()
    services.remove(made, by=None)
    assert not Server.objects.filter(pk=row.pk).exists()
    assert not Check.objects.exists()


def beat(check: Make, **config: Any) -> Check:
    return check("heartbeat", config={"period": 3600, "grace": 600, **config}, name="backup")


def heard(made: Check, kind: str, at: datetime, code: int | None = None) -> Run:
    beating.take([beating.Heard(made.pk, kind, code, at, "said")])
    return Run.objects.get(check_ref=made)


def test_a_heartbeat_is_measured_missed_and_back(check: Make, runner: Runner) -> None:
    made, now = beat(check), datetime.now(UTC)
    heard(made, "start", now - timedelta(seconds=4300))
    run = heard(made, "success", now - timedelta(seconds=4250))
    assert (run.state, run.seconds) == ("up", 50.0)
    assert run.due_at is not None
    runner.step()
    missed = Run.objects.get(check_ref=made)
    assert missed.state == "down"
    assert re.fullmatch(r"Its signal was due at .+ UTC and did not come\. The last one came at .+ UTC\.", missed.said)
    assert heard(made, "exit", now, 0).state == "up"
    assert heard(made, "exit", now, 7).said == "It told that it failed with exit code 7."
    series.store([series.Sample(made, int(time.time() * 1000), 0.0)])
    assert told(made, "check_up") == [1, 0, 1, 0, 0]
    assert [one.kind for one in Signal.objects.order_by("pk")] == ["start", "success", "exit", "exit"]
    assert Event.objects.filter(server=made.server, kind="check").count() == 3


def test_a_heartbeat_that_is_never_heard_is_told_after_its_first_period(check: Make, runner: Runner) -> None:
    made = beat(check)
    runner.step()
    waited = Run.objects.get(check_ref=made)
    assert waited.state == "new"
    assert waited.expected_at is not None
    services.change(made, {"config": {"period": 60, "grace": 600}}, by=None)
    again = turn_beat(runner, made).expected_at
    assert again is not None
    assert again < waited.expected_at
    Run.objects.update(expected_at=datetime.now(UTC) - timedelta(seconds=601))
    missed = turn_beat(runner, made)
    assert (missed.state, told(made, "check_up")) == ("down", [0])
    assert missed.said.endswith("and did not come.")


def test_a_heartbeat_is_not_missed_while_the_hub_was_away(check: Make, runner: Runner) -> None:
    made, now = beat(check), datetime.now(UTC)
    heard(made, "success", now - timedelta(seconds=5000))
    Cursor.objects.create(name="checks", place=int((now.timestamp() - 4900) * 1000))
    Run.objects.update(due_at=now - timedelta(seconds=4890))
    runner.step()
    assert turn_beat(runner, made).state != "down"


def turn_beat(runner: Runner, made: Check) -> Run:
    Run.objects.filter(check_ref=made).update(due_at=datetime.now(UTC) - timedelta(seconds=1))
    runner.step()
    return Run.objects.get(check_ref=made)


def test_only_the_last_signals_are_kept(check: Make, settings: LazySettings) -> None:
    made, now = beat(check), datetime.now(UTC)
    beating.take([beating.Heard(made.pk, "log", None, now, str(number)) for number in range(250)])
    other = check("heartbeat", name="other")
    heard(other, "log", now)
    with CaptureQueriesContext(connection) as asked:
        assert beating.expire() == 50
    assert sum("SELECT" in one["sql"][:10] for one in asked) <= 1  # however many heartbeats there are
    assert Signal.objects.filter(check_ref=other).count() == 1
    bodies = set(Signal.objects.filter(check_ref=made).values_list("body", flat=True))
    assert len(bodies) == 200
    assert bodies == {str(number) for number in range(50, 250)}


def test_a_team_whose_targets_hang_leaves_room_for_others(
    pages: Pages, check: Make, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.runner.AT_ONCE", 6)
    monkeypatch.setattr("checks.runner.OF_ONE_TEAM", 2)
    for _ in range(3):
        check(target=pages.url("/stuck"), timeout=3)
    past = datetime.now(UTC) - timedelta(minutes=1)
    Run.objects.update(due_at=past)
    runner.step()
    runner.step()
    other = Check(team=Team.objects.create(name="other"), kind="http", name="theirs", target=pages.url("/"))
    services.make(other, by=None)
    assert turn(runner, other).state == "up"
    assert runner.of_team[Check.objects.filter(name="http 0").get().team_id] == 2
