"""One row that cannot be worked must hold up nothing else, and is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accounts.models import Team
from alerts import services
from alerts.models import Incident, Silence
from alerts.services import flush, reminders, telling
from alerts.services.flush import Flush
from tests.alerts.stage import START, Stage

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
