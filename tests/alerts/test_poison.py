"""One row that cannot be worked must hold up nothing else, and is tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection

from accounts.models import Team
from alerts import services
from alerts.delivery import fallback, outcome
from alerts.judging import PASSED_OVER, Judge
from alerts.models import Alert, Delivery, Incident, Notice, Silence, Step
from alerts.services import flush, moves, reminders, telling
from alerts.services.flush import Flush
from alerts.services.moves import Change
from metrics.models import JournalRow
from tests.alerts.stage import START, Stage
from tests.conftest import Machine

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(team: Team) -> Stage:
    made = Stage(team)
    made.hook()
    return made


def test_a_group_that_cannot_be_told_holds_up_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    poison, rule = stage.rule("poison"), stage.rule("CPU hot")
    told = Flush._begin

    def begin(self: Flush, talk: flush.Talk, *args: object, **how: object) -> None:
        if talk.incident.rule_id == poison.pk:
            raise RuntimeError("no way to say it")
        told(self, talk, *args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Flush, "_begin", begin)
    stage.fire(poison, "web-1")
    stage.fire(rule, "web-1")
    stage.at(1)
    assert [text for _, _, text in stage.sent()] == ["web-1: CPU used is 99 %, above 95 %."]
    assert Incident.objects.filter(next_at__lte=stage.now).count() == 0, "it would be tried without a pause"
    monkeypatch.undo()
    stage.at(120)
    assert len(stage.sent()) == 2


def test_a_part_of_telling_that_fails_leaves_the_others_to_be_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_now: datetime) -> None:
        raise RuntimeError("no way to ask")

    monkeypatch.setattr(reminders, "run_due", fail)
    monkeypatch.setattr(telling, "_take_back", fail)
    stage.fire(stage.rule(group_wait=5), "web-1")
    with pytest.raises(RuntimeError):  # its loop writes it down and looks at its connection
        telling.step(START + timedelta(seconds=6))
    assert len(stage.sent()) == 1


def test_a_silence_that_cannot_be_read_mutes_nothing(stage: Stage) -> None:
    day = timedelta(days=1)
    for fields in ({"selector": "tag:("}, {"rrule": "FREQ=NEVER", "duration": 600}):
        Silence.objects.create(
            team=stage.team, reason="broken", starts_at=START - day, ends_at=START + timedelta(seconds=60), **fields
        )
    stage.fire(stage.rule(), "web-1")
    stage.at(1)
    assert len(stage.sent()) == 1


def test_care_that_was_prolonged_meanwhile_is_not_taken_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.fire(stage.rule(), "web-1")
    stage.at(1)
    incident = Incident.objects.get()
    services.acknowledge(incident, stage.now, by=None, name="Ada", until=START + timedelta(seconds=10))
    over = list(telling._over(START + timedelta(seconds=11)))
    Incident.objects.update(acknowledged_until=START + timedelta(hours=1))
    telling._give_back(over[0], START + timedelta(seconds=11))
    incident.refresh_from_db()
    assert incident.acknowledged_at is not None


@pytest.fixture
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.end()


def _fired() -> list[str]:
    return list(Notice.objects.filter(kind="firing").order_by("pk").values_list("text", flat=True))


def test_an_alert_that_cannot_be_written_is_said_and_holds_up_no_other(
    stage: Stage, judge: Judge, machine: Callable[..., Machine], now: float
) -> None:
    odd, well = machine("odd"), machine("well")
    stage.rule("hot", metric="cpu", critical_recover=80, group_wait=0)
    odd.report(now - 30, cpu=99)
    judge.step()
    odd.report(now - 25, cpu=10)
    judge.step()
    alert = Alert.objects.get()
    at = judge.monotonic()
    judge.monotonic = lambda: at
    odd.report(now - 20, cpu=99)
    judge.step()
    # Only an odd restore gives this: what the alert says next stands there already.
    fresh = Alert.objects.exclude(pk=alert.pk).get()
    incident = fresh.incident
    assert incident is not None
    Notice.objects.create(incident=incident, alert=fresh, kind="resolved", transition=2, at=START, told_at=START)
    odd.report(now - 15, cpu=10)
    well.report(now - 15, cpu=99)
    judge.step()
    assert Alert.objects.open().filter(server__name="well").exists(), "the odd one held up the other"
    assert _fired()[-1] == "The alert hot on odd could not be written down: look at it yourself."
    told = len(_fired())
    judge.step()
    assert len(_fired()) == told, "it is said once"
    Notice.objects.filter(alert=fresh, transition=2).delete()
    judge.monotonic = lambda: at + PASSED_OVER + 1
    odd.report(now - 5, cpu=10)
    judge.step()
    judge.step()
    assert not Alert.objects.open().filter(server__name="odd").exists()
    assert Notice.objects.order_by("pk").last().text == "The alert is written down again."  # type: ignore[union-attr]


def test_a_journal_row_that_holds_nothing_holds_up_no_rule(
    stage: Stage, judge: Judge, machine: Callable[..., Machine], now: float
) -> None:
    web = machine("web")
    stage.rule("hot", metric="cpu", group_wait=0)
    judge.step()
    web.report(now - 20, cpu=10)
    JournalRow.objects.update(rows=b"\0\0\0")
    web.report(now - 10, cpu=99)
    judge.step()
    assert _fired()


def test_a_step_that_cannot_be_read_tells_the_team_and_the_chain_goes_on(stage: Stage) -> None:
    channel = stage.hook("usual", default=True)
    stage.fire(stage.rule(), "web-1")
    stage.at(1)
    incident = Incident.objects.get()
    for place, (kind, args) in enumerate(
        (("person", {}), ("dance", {}), ("channel", {"channel": str(channel.uuid)}))
    ):
        Step.objects.create(incident=incident, chain="old", place=place, kind=kind, args=args, due_at=START)
    stage.at(5)
    results = list(Step.objects.order_by("place").values_list("result", flat=True))
    assert all(one.startswith("This step could not be done: told the channel") for one in results[:2]), results
    assert results[2] == "Told the channel usual."


def test_a_dead_letter_without_another_way_to_be_found_stays_dead(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("no way to find another")

    stage.fire(stage.rule(), "web-1")
    stage.at(1)
    channel = Delivery.objects.get().channel
    channel.resting_until = stage.now + timedelta(days=3)
    channel.save()
    monkeypatch.setattr(fallback, "instead", fail)
    assert outcome.give_up(stage.now + timedelta(days=2)) == 1
    assert Delivery.objects.get().state == "dead"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="looks at keys at the commit; run with --db postgres")
def test_what_only_the_commit_would_refuse_holds_up_no_other(
    stage: Stage, judge: Judge, machine: Callable[..., Machine], now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, well = machine("odd"), machine("well")
    stage.rule("hot", metric="cpu", group_wait=0)
    apply = moves.apply

    def leads_nowhere(changes: Sequence[Change], at: datetime) -> None:
        apply(changes, at)
        for alert in Alert.objects.filter(server__name="odd"):
            incident = alert.incident
            assert incident is not None
            Notice.objects.create(incident=incident, alert_id=10**9, kind="note", at=at, told_at=at)

    monkeypatch.setattr(moves, "apply", leads_nowhere)
    odd.report(now - 15, cpu=99)
    well.report(now - 15, cpu=99)
    judge.step()
    assert list(Alert.objects.values_list("server__name", flat=True)) == ["well"]
