"""The consumer that judges, step by step on real rows: nothing missed, nothing told twice, everything to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Team, User
from alerts import judging, services, sieve
from alerts.judging import Judge
from alerts.models import Alert, Channel, Delivery, Incident, Notice, Rule
from alerts.services import telling
from core.clock import now as clock
from core.models import Lease
from metrics.models import JournalRow, Uses
from metrics.names import layout_hash
from tests.conftest import Machine


@pytest.fixture
def web(machine: Callable[..., Machine]) -> Machine:
    return machine("web-1")


@pytest.fixture
def hot(team: Team, web: Machine) -> Rule:
    return Rule.objects.create(team=team, name="hot", metric="cpu", critical=95, critical_recover=80, group_wait=0)


@pytest.fixture
def hook(team: Team) -> Channel:
    channel = Channel(team=team, name="hook", kind="webhook")
    channel.config = {"url": "https://example.org/"}
    channel.save()
    return channel


@pytest.fixture
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.end()


def told() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("kind", flat=True))


def later() -> Any:
    return clock() + timedelta(seconds=1)


def test_a_breach_is_told_once_and_so_is_its_end(
    web: Machine, hot: Rule, hook: Channel, judge: Judge, now: float
) -> None:
    for step, cpu in enumerate((10, 99, 98, 97, 70, 60)):
        web.report(now - 60 + step, cpu=cpu)
        judge.step()
    assert told() == ["firing", "resolved"]
    assert Delivery.objects.count() == 2
    assert not Alert.objects.open().exists()
    assert not Incident.objects.open().exists()


def test_a_judge_that_was_killed_tells_nothing_twice(web: Machine, hot: Rule, hook: Channel, now: float) -> None:
    web.report(now - 20, cpu=99)
    Judge().step()
    Lease.objects.all().delete()
    web.report(now - 10, cpu=98)
    second = Judge()
    second.step()
    assert told() == ["firing"]
    second.end()


def test_a_judge_whose_lease_was_taken_over_does_not_tell_again(
    web: Machine, hot: Rule, hook: Channel, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Judge()
    slow.step()
    web.report(now, cpu=99)
    real = sieve.sift

    def while_another_judges(*args: Any) -> Any:
        monkeypatch.setattr(judging, "sift", real)
        Lease.objects.all().delete()
        Judge().step()
        return real(*args)

    monkeypatch.setattr(judging, "sift", while_another_judges)
    slow.step()
    slow.step()
    assert told() == ["firing"]


def test_two_metrics_of_one_moment_are_both_judged(web: Machine, hot: Rule, judge: Judge, now: float) -> None:
    web.post({"samples": [{"t": now, "m": {"aaa": 1}}, {"t": now, "m": {"cpu": 99}}]})
    judge.step()
    assert told() == ["firing"]


def test_changing_layouts_hide_nothing(web: Machine, hot: Rule, now: float) -> None:
    columns = (["cpu"], ["cpu", "disk"])
    for step, (layout, cpu) in enumerate(((0, 10), (1, 99), (1, 99), (0, 50), (1, 99))):
        row = [now - 50 + step * 10, cpu, 1][: len(columns[layout]) + 1]
        body = {"boot": "b", "seq": step, "layout": layout_hash(columns[layout]), "columns": columns[layout]}
        web.post({**body, "rows": [row]})
    judge = Judge()
    judge.step()
    assert told() == ["firing", "resolved", "firing"]
    judge.end()


def test_a_clock_that_runs_ahead_mutes_nothing(web: Machine, hot: Rule, judge: Judge, now: float) -> None:
    web.report(now + 590, cpu=10)
    judge.step()
    web.report(now + 0.5, cpu=99)
    judge.step()
    assert told() == ["firing"]


def test_late_rows_are_stored_and_never_told(web: Machine, hot: Rule, judge: Judge, now: float) -> None:
    web.report(now, cpu=10)
    judge.step()
    web.report(now - 300, cpu=99)
    judge.step()
    again = Judge()
    judge.end()
    web.report(now - 200, cpu=99)
    again.step()
    assert told() == []
    again.end()


def test_a_storm_is_judged_in_slices(
    team: Team, machine: Callable[..., Machine], hot: Rule, judge: Judge, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "MOST_HOT", 2)
    for number in range(9):
        machine(f"s{number}").report(now, cpu=99)
    judge.step()
    assert told() == ["firing"] * 9
    assert judge.saved == judge.place


def test_a_removed_rule_ends_what_it_began(
    web: Machine, hot: Rule, hook: Channel, judge: Judge, now: float, api: Callable[..., Any]
) -> None:
    web.report(now, cpu=99)
    judge.step()
    client = api()
    assert client.delete(f"/api/v1/rules/{hot.uuid}").status_code == 204
    assert client.get(f"/api/v1/rules/{hot.uuid}").status_code == 404
    assert told() == ["firing", "resolved"]
    assert not Incident.objects.open().exists()
    assert (
        client.post(
            "/api/v1/rules", {"name": "hot", "metric": "m", "warn": 1}, content_type="application/json"
        ).status_code
        == 201
    )
    web.report(now + 1, cpu=99)
    judge.step()
    assert told() == ["firing", "resolved"]


def test_a_rule_that_speaks_of_something_else_ends_what_it_began(
    web: Machine, hot: Rule, judge: Judge, now: float, api: Callable[..., Any]
) -> None:
    web.report(now, cpu=99)
    judge.step()
    api().patch(f"/api/v1/rules/{hot.uuid}", {"metric": "load1"}, content_type="application/json")
    judge.step()
    assert told() == ["firing", "resolved"]


def test_what_a_person_closed_and_is_still_bad_is_told_anew(
    web: Machine, hot: Rule, judge: Judge, now: float, person: Callable[..., User]
) -> None:
    web.report(now - 20, cpu=99)
    judge.step()
    services.close(Incident.objects.get(), clock(), by=person())
    web.report(now - 10, cpu=99)
    judge.step()
    judge.step()
    assert told() == ["firing", "resolved", "firing"]


def test_worse_news_does_not_wait_behind_milder_ones(
    web: Machine, team: Team, hook: Channel, judge: Judge, now: float
) -> None:
    Rule.objects.create(team=team, name="both", metric="cpu", warn=80, critical=95)
    web.report(now - 2, cpu=85)
    judge.step()
    assert not Delivery.objects.due(later()).exists(), "a warning waits 10 s for its group"
    web.report(now - 1, cpu=99)
    judge.step()
    assert [one.notice.facts["severity"] for one in Delivery.objects.due(later())] == ["critical"]
    web.report(now, cpu=10)
    judge.step()
    at_tick = clock() + timedelta(seconds=61)
    telling.step(at_tick)
    assert [one.notice.kind for one in Delivery.objects.due(at_tick)] == ["firing"], "the end waits for its beginning"
    Delivery.objects.due(later()).update(state="sent")
    assert [one.notice.kind for one in Delivery.objects.due(at_tick)] == ["resolved"]


def test_a_rule_whose_channels_are_off_tells_the_default_ones(
    web: Machine, hot: Rule, hook: Channel, team: Team, judge: Judge, now: float
) -> None:
    gone = Channel.objects.create(team=team, name="gone", kind="webhook", enabled=False)
    Rule.objects.filter(pk=hot.pk).update(notify=[{"channel": str(gone.uuid)}])
    web.report(now, cpu=99)
    judge.step()
    assert list(Delivery.objects.values_list("channel", flat=True)) == [hook.pk]


def test_a_paused_server_is_not_judged(web: Machine, hot: Rule, judge: Judge, now: float) -> None:
    web.server.paused = True
    web.server.save()
    web.report(now, cpu=99)
    judge.step()
    assert told() == []


def test_who_acknowledges_is_told_to_those_who_were_woken(
    web: Machine, hot: Rule, hook: Channel, judge: Judge, now: float, person: Callable[..., User]
) -> None:
    web.report(now, cpu=99)
    judge.step()
    Delivery.objects.update(state="sent")
    for _ in range(2):
        services.acknowledge(Incident.objects.get(), clock(), by=person())
    assert told() == ["firing", "acknowledged"]
    assert [one.notice.kind for one in Delivery.objects.due(later())] == ["acknowledged"]


def test_a_series_that_was_not_measured_is_judged_when_it_comes_late(
    web: Machine, team: Team, hot: Rule, judge: Judge, now: float
) -> None:
    columns = ["cpu", "disk"]
    body = {"boot": "b", "layout": layout_hash(columns), "columns": columns}
    for seq, row in enumerate(([now - 30, 10, 1], [now - 10, None, 1])):
        web.post({**body, "seq": seq, "rows": [row]})
        judge.step()
    web.post({**body, "seq": 2, "rows": [[now - 20, 99, None]]})
    judge.step()
    assert told() == ["firing"], "cpu stood at thirty seconds ago, whatever disk did since"


def test_a_judged_time_stays_judged_when_its_row_is_sealed_away(web: Machine, hot: Rule, now: float) -> None:
    web.report(now, cpu=10)
    first = Judge()
    first.step()
    first.end()
    row = JournalRow.objects.get()
    Uses.objects.create(server=web.server, layout=row.layout, first=row.start, last=row.end, judged=row.end)
    web.report(now - 5, cpu=99)
    row.delete()
    again = Judge()
    again.step()
    again.end()
    assert told() == []
