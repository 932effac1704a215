"""What is learnt first, how long one waits for rows that do not come, and what a night may take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.clock import now
from ml.models import Training, Watch
from ml.training import night, trainer, work
from ml.training.trainer import Trainer
from tests.conftest import Machine
from tests.ml.living import GRID, Scene, know, learn, now_on_grid, scorer

HOUR = 3_600_000


@pytest.fixture
def scene(machine: Callable[..., Machine]) -> Scene:
    return Scene(machine(), now_on_grid())


def _due(server: int, why: str, minutes: int) -> Training:
    return Training.objects.create(server_id=server, why=why, due_at=now() - timedelta(minutes=minutes))


def test_who_has_no_model_and_who_asked_come_before_refits(machine: Callable[..., Machine]) -> None:
    weekly = _due(machine(name="a").server.pk, "weekly", 90)
    grown = _due(machine(name="b").server.pk, "day", 60)
    asked = _due(machine(name="c").server.pk, "asked", 20)
    first = _due(machine(name="d").server.pk, "first", 10)
    assert [work._claim() for _ in range(5)] == [asked, first, weekly, grown, None]


@pytest.mark.parametrize(("silent", "minutes"), [(0, 10), (90, 90), (9000, 1440)], ids=["speaks", "hour", "days"])
def test_the_longer_a_server_is_silent_the_longer_it_is_waited_for(scene: Scene, silent: int, minutes: int) -> None:
    scene.at -= silent * 60_000
    Watch.objects.create(server=scene.machine.server, since=scene.at - 300_000)
    scene.past(300_000, step=GRID)
    Training.objects.create(server=scene.machine.server, why="first", due_at=now())
    assert learn() == 1
    row = Training.objects.get()
    assert row.state == "due"
    assert abs((row.due_at - now()).total_seconds() / 60 - minutes) < 1.5


def test_a_server_that_speaks_again_is_waited_for_no_longer(scene: Scene) -> None:
    Watch.objects.create(server=scene.machine.server, since=scene.at - 9 * HOUR, silent=True)
    row = Training.objects.create(server=scene.machine.server, why="first", due_at=now() + timedelta(hours=9))
    judge = scorer()
    judge.step()
    judge._sweep()
    assert Watch.objects.get().silent, "a start of ours is no sign of life"
    scene.report()
    judge.step()
    judge._sweep()
    assert not Watch.objects.get().silent
    row.refresh_from_db()
    assert timedelta(minutes=14) < row.due_at - now() < timedelta(minutes=16)


def test_a_night_ends_and_who_was_not_reached_comes_first_in_the_next(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [machine(name=name).server.pk for name in ("a", "b", "c")]
    for server, days in zip(servers, (1, 3, 2), strict=True):
        know(server)
        Watch.objects.filter(server=server).update(fresh_at=now() - timedelta(days=days))
    done: list[int] = []
    monkeypatch.setattr(night, "compare", done.append)

    def one_alone(words: list[str], *, seconds: float, heard: Callable[[str], None]) -> int:
        rooms = iter([True, False])
        night.work(row.due_at, seconds, room=lambda: next(rooms))
        return 0

    row = Training.objects.create(why="thresholds", due_at=now())
    loop = Trainer(one_alone)
    assert loop.step()
    assert loop.step()
    assert done == [servers[1], servers[2]]
    monkeypatch.setattr(trainer, "NIGHT_FOR", timedelta(0))
    loop.step()
    row.refresh_from_db()
    assert (row.state, row.said[:28]) == ("done", "3 thresholds. 1 not compared")
    row = Training.objects.get(why="thresholds", state="due")
    Training.objects.filter(pk=row.pk).update(due_at=now())
    row.refresh_from_db()
    monkeypatch.setattr(trainer, "NIGHT_FOR", timedelta(hours=2))
    loop.step()
    assert done[2:] == [servers[0]]
