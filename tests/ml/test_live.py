"""From a machine's sample to its score: learnt for real, judged within a minute, never twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ml.models import Episode, ModelVersion, Watch
from tests.conftest import Machine
from tests.ml.living import DAY, Scene, drive, learn, now_on_grid, scorer, scores


@pytest.fixture
def scene(machine: Callable[..., Machine]) -> Scene:
    """A machine with two days behind it that is learnt."""
    made = Scene(machine(), now_on_grid() - 3_600_000)
    made.past(2 * DAY)
    return made


def test_a_sample_has_its_score_within_a_minute_and_a_fault_is_an_episode(scene: Scene) -> None:
    judge = scorer()
    drive(judge, scene, 1)
    watch = Watch.objects.get(server=scene.server)
    assert watch.stage == "waiting"
    assert learn() == 1
    version = ModelVersion.objects.current().get(server=scene.server)
    assert not version.short
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
