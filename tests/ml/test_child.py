"""The process in which is learnt: what it holds, what it says when it fails, and which detectors it learns with."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ml import child
from ml.detectors import LIVE
from ml.models import ModelVersion, Training
from ml.training import choice
from monitor import env
from tests.conftest import Machine
from tests.ml.living import DAY, Scene, drive, learn, now_on_grid, scorer, scores

ROOM = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
os.environ["DJANGO_SETTINGS_MODULE"] = "monitor.settings"
held = bytearray(400 << 20)
held[::4096] = b"x" * len(held[::4096])
asked = "import sys; sys.path.insert(0, sys.argv[1]); from ml import child; print(child.room())"
print(subprocess.run([sys.executable, "-c", asked, sys.argv[1]], capture_output=True, text=True).stdout.strip())
"""


def test_a_child_of_a_large_process_has_room_of_its_own(tmp_path: Path) -> None:
    env = {**os.environ, "WATCHKEEPER_DATA": str(tmp_path)}
    words = [sys.executable, "-c", ROOM, str(settings.ROOT)]
    told = subprocess.run(words, capture_output=True, text=True, env=env, timeout=60, check=True)
    assert told.stdout.strip() == "True"


def test_what_a_failing_child_said_last_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    child.begin()
    with caplog.at_level(logging.WARNING, "ml.child"):
        assert child.run(["no_such_verb"], seconds=60) == 1
    (record,) = caplog.records
    assert "no_such_verb ended with 1" in record.getMessage()
    assert "Unknown command" in record.getMessage()


@pytest.mark.usefixtures("learning")
def test_what_scikit_learn_has_learnt_judges_live(machine: Callable[..., Machine], settings: Any) -> None:
    settings.DETECTORS = ("autoencoder", "hour", "no_such")
    scene = Scene(machine(), now_on_grid() - 3_600_000)
    scene.past(DAY + 3_600_000, step=120_000)
    judge = scorer()
    drive(judge, scene, 1)
    assert learn() == 1
    assert "No detector is called no_such" in Training.objects.get(state="done").said
    assert judge.book.stack.place == {}
    judge.book.changed.set()
    drive(judge, scene, 12)
    assert judge.book.stack.model(scene.server).detectors == ("autoencoder", "hour")
    assert ModelVersion.objects.get().state == "current"
    calm = max(list(scores(scene.server).values())[-5:])
    scene.wrong = 9
    drive(judge, scene, 12)
    assert scores(scene.server)[scene.at] > max(1.0, calm)


def test_without_the_learning_packages_what_ships_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda _name: None)
    assert choice.chosen(["hour", "autoencoder"]) == choice.Choice(
        ("hour",), "autoencoder left out: the learning packages are not here."
    )
    alone = choice.chosen(["isolation_forest"])
    assert alone.detectors == LIVE
    assert alone.said.endswith("kmeans, pca, hour instead.")
    assert choice.chosen([]) == choice.Choice()


def test_the_setting_names_detectors_with_commas_between() -> None:
    assert env.read({"WATCHKEEPER_DETECTORS": " PCA, hour,"}).detectors == ("pca", "hour")
    assert env.read({}).detectors == ()
    with pytest.raises(env.Wrong, match="WATCHKEEPER_DETECTORS"):
        env.read({"WATCHKEEPER_DETECTORS": "pca; drop"})
