"""What a night does: each model is compared with the last days, what crept away is told, thresholds follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from django.test import Client

from accounts.models import User
from core.clock import milliseconds, now
from ml import hours, versions
from ml.models import ModelVersion, Training, Watch
from ml.training import night
from ml.training.trainer import Trainer
from tests.conftest import Machine
from tests.ml.living import DAY, Scene, drive, know, now_on_grid, scorer, store, usual


@pytest.fixture
def scene(machine: Callable[..., Machine]) -> Scene:
    """A machine whose last two days were livelier, and higher in memory, than those it is known from."""
    made = Scene(machine(), now_on_grid())
    know(made.server)
    times = np.arange(made.at - 2 * DAY, made.at, 60_000, dtype=np.int64)
    values = usual(times, 7)
    values[:, 0] += 3 * np.random.default_rng(2).normal(size=len(times))
    values[:, 2] += 30
    store(made.server, times, values, received=made.at)
    return made


def _trainer(asked: list[list[str]]) -> Trainer:
    def run(words: list[str], *, seconds: float, heard: Callable[[str], None]) -> int:
        asked.append(words)
        heard(".")
        night.work(datetime.fromisoformat(words[2]), seconds)
        return 0

    return Trainer(run)


def test_each_night_models_are_compared_with_the_last_days_before_thresholds_are_set(scene: Scene) -> None:
    judge = scorer()
    drive(judge, scene, 8)
    stack = judge.book.stack
    held = stack.place[scene.server].held["tail"].copy()
    learnt = stack.model(scene.server)
    before = ModelVersion.objects.current().get()
    fleet = Training.objects.create(why="thresholds", due_at=now())
    asked: list[list[str]] = []
    trainer = _trainer(asked)
    while trainer.step():
        pass
    trainer.step()
    assert [words[0] for words in asked] == ["compare_models"]
    fleet.refresh_from_db()
    assert (fleet.state, fleet.progress) == ("done", 1.0)
    after = ModelVersion.objects.current().get()
    assert (after.pk, after.sha256, bytes(after.blob)) == (before.pk, before.sha256, bytes(before.blob))
    judge.book.refresh({})
    judged = stack.model(scene.server)
    assert not np.allclose(judged.fresh_scores, learnt.scores, rtol=0.05)
    assert np.array_equal(judged.scores, learnt.scores)
    assert np.array_equal(stack.place[scene.server].held["tail"], held), "what was seen a moment ago is kept"
    again = scorer("another")
    again.book.refresh({})
    assert np.array_equal(again.book.stack.model(scene.server).fresh_scores, judged.fresh_scores)
    assert not night.due(fleet.due_at).exists()


def test_what_crept_away_since_it_was_learnt_is_told(scene: Scene, person: Callable[..., User]) -> None:
    assert night.work(now(), 60) == 1
    (one,) = Watch.objects.get(server=scene.server).crept
    assert one["column"] == "memory_used_percent"
    assert one["now"] - one["was"] > 20
    client = Client()
    client.force_login(person(role="viewer"))
    page = client.get(f"/servers/{scene.machine.server.uuid}/model/").content.decode()
    assert "Memory" in page.split('id="crept-title"')[1].split("</section>")[0]


def test_what_a_night_found_goes_with_the_version_and_damage_is_no_harm(scene: Scene) -> None:
    night.compare(scene.server)
    found = versions.load(scene.server)
    assert found
    row, model = found
    assert not np.array_equal(model.fresh_scores, model.scores)
    Watch.objects.update(fresh=b"PK damaged")
    damaged = versions.load(scene.server)
    assert damaged
    assert np.array_equal(damaged[1].fresh_scores, damaged[1].scores)
    night.compare(scene.server)
    versions.store(versions.Made(scene.server, "weekly", model, short=False))
    assert bytes(Watch.objects.get().fresh) == b""
    night.compare(scene.server)
    hour = milliseconds() // hours.HOUR
    Watch.objects.update(maxima=hours.pack({hour - 2: 1.0, hour: 9.0, hour + 1: 9.0}))
    versions.put_back(row)
    assert (bytes(Watch.objects.get().fresh), Watch.objects.get().crept) == (b"", [])
    left = hours.unpack(Watch.objects.get().maxima)
    assert left == {hour - 2: 1.0}, "what the other said since it judged is forgotten"


def test_a_server_that_ends_the_child_costs_the_others_nothing(
    scene: Scene, machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = machine(name="other").server.pk
    know(other)
    since, done = now(), []

    def odd(server: int) -> None:
        done.append(server)
        raise SystemExit if server == scene.server else ValueError

    monkeypatch.setattr(night, "compare", odd)
    with pytest.raises(SystemExit):
        night.work(since, 60)
    assert night.work(since, 60) == 1
    assert sorted(done) == sorted([scene.server, other])
    assert night.work(since, 60) == 0
