"""What is learnt and when: versions that follow each other, are refused, damaged or put back; and the one slider."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Audit
from core.clock import from_milliseconds, milliseconds, now
from ml import child, hours, thresholds, versions
from ml.models import Episode, ModelVersion, Sensitivity, Training, Watch
from ml.training import plan, reading, work
from ml.training.trainer import Trainer
from tests.conftest import Machine
from tests.ml.living import COLUMNS, DAY, GRID, Scene, know, learn, now_on_grid, store

Api = Callable[..., Client]


@pytest.fixture
def scene(machine: Callable[..., Machine]) -> Scene:
    return Scene(machine(), now_on_grid())


def _again(scene: Scene, **figures: float) -> ModelVersion:
    model = versions.load(scene.server)
    assert model
    return versions.store(versions.Made(scene.server, "weekly", model[1], short=False, figures=figures))


def test_three_versions_are_kept_and_a_three_times_worse_one_is_refused(scene: Scene) -> None:
    first = know(scene.server)
    assert _again(scene, alert_share=0.01, alert_share_before=0.005).state == "current"
    refused = _again(scene, alert_share=0.05, alert_share_before=0.01)
    assert refused.state == "refused"
    assert "5.0 %" in refused.said
    current = ModelVersion.objects.current().get(server=scene.server)
    assert current.number == 2
    _again(scene, alert_share=0.01, alert_share_before=0.01)
    assert ModelVersion.objects.filter(server=scene.server).count() == 3
    assert not ModelVersion.objects.filter(pk=first.pk).exists()


def test_a_damaged_version_is_not_used(scene: Scene) -> None:
    row = know(scene.server)
    assert versions.read(row)
    row.blob = bytes(row.blob)[:-1] + b"x"
    assert versions.read(row) is None


def test_an_hour_of_rows_is_learnt_as_a_short_model_and_too_few_say_so(scene: Scene) -> None:
    Watch.objects.create(server=scene.machine.server, since=scene.at - 600_000)
    Training.objects.create(server=scene.machine.server, why="first", due_at=now())
    scene.past(300_000, step=GRID)
    assert learn() == 1
    assert "needed" in Watch.objects.get().said
    assert Training.objects.get().state == "due"
    Watch.objects.update(since=scene.at - 3_600_000)
    scene.past(3_600_000, step=GRID)
    assert learn() == 1
    watch = Watch.objects.get()
    assert (watch.stage, watch.said) == ("learning", "")
    assert ModelVersion.objects.get().short
    assert Training.objects.standing().get().why == "day"


@pytest.mark.parametrize("values", [np.nan, 0.0, np.inf], ids=["nothing", "constant", "infinite"])
def test_odd_pasts_break_nothing(scene: Scene, values: float) -> None:
    Watch.objects.create(server=scene.machine.server, since=scene.at - DAY)
    Training.objects.create(server=scene.machine.server, why="first", due_at=now())
    times = np.arange(scene.at - 3_600_000, scene.at, 60_000, dtype=np.int64)
    store(scene.server, times, np.full((len(times), len(COLUMNS)), values))
    assert learn() == 1
    assert Training.objects.filter(state="failed").count() == 0


def test_what_was_unusual_is_not_learnt_unless_it_was_normal(scene: Scene) -> None:
    times = np.arange(scene.at - DAY, scene.at, 60_000, dtype=np.int64)
    began, last = now() - timedelta(hours=5), now() - timedelta(hours=3)
    episode = Episode.objects.create(
        server=scene.machine.server, began_at=began, last_at=last, ended_at=last, peak=2, peak_at=began, version=1
    )
    assert 115 <= reading.masked(scene.server, times).sum() <= 125
    episode.answer = "normal"
    episode.save()
    assert not reading.masked(scene.server, times).any()


def test_the_slider_moves_thresholds_by_the_past_alone(scene: Scene, api: Api) -> None:
    know(scene.server)
    hour = milliseconds() // hours.HOUR
    past = {hour - back: 2.0 + back / 20 for back in range(1, 100)} | {hour: 99.0}
    Watch.objects.update(maxima=hours.pack(past))
    thresholds.refresh_all()
    usual_ = Watch.objects.get().threshold
    client = api()
    reply = client.put("/api/v1/anomalies/sensitivity", {"per_week": 42}, content_type="application/json")
    assert reply.status_code == 200, reply.json()
    assert 2 < Watch.objects.get().threshold < usual_ < 99
    body = {"per_week": 0.5, "server": str(scene.machine.server.uuid)}
    assert client.put("/api/v1/anomalies/sensitivity", body, content_type="application/json").status_code == 200
    assert Watch.objects.get().threshold > usual_
    assert [row["per_week"] for row in client.get("/api/v1/anomalies/sensitivity").json()] == [42, 0.5]
    body["per_week"] = None
    client.put("/api/v1/anomalies/sensitivity", body, content_type="application/json")
    assert Sensitivity.objects.get().server is None
    assert Audit.objects.filter(action="anomalies.sensitivity").count() == 3
    for wrong in ({"per_week": -1}, {"per_week": 1e9}, {"per_week": "x"}, {}):
        reply = client.put("/api/v1/anomalies/sensitivity", wrong, content_type="application/json")
        assert reply.status_code == 400


def test_a_new_normal_is_learnt_from_where_it_began_and_put_back_by_one_verb(scene: Scene, api: Api) -> None:
    first = know(scene.server)
    scene.past(3 * 3_600_000)
    episode = Episode.objects.create(
        server=scene.machine.server, began_at=now() - timedelta(hours=2), last_at=now(), peak=2, peak_at=now(),
        version=1, asked_at=now(),
    )  # fmt: skip
    client = api()
    answered = client.post(f"/api/v1/anomalies/{episode.uuid}/normal").json()
    assert answered["answer"] == "normal"
    training = Training.objects.get(why="regime")
    assert abs(training.span_from - round(episode.began_at.timestamp() * 1000)) <= 1
    assert learn("regime") == 1
    fresh = ModelVersion.objects.current().get()
    assert fresh.number == 2
    assert fresh.span_from >= training.span_from
    assert Watch.objects.get().version == fresh
    listed = client.get("/api/v1/models").json()["results"]
    assert [(row["number"], row["state"]) for row in listed] == [(2, "current"), (1, "kept")]
    assert client.post(f"/api/v1/models/{first.uuid}/roll_back").json()["state"] == "current"
    assert Watch.objects.get().version_id == first.pk
    (standing,) = client.get("/api/v1/anomalies/now").json()
    assert (standing["stage"], standing["version"], standing["episode"]) == ("full", 1, str(episode.uuid))
    assert client.get("/api/v1/trainings").json()["count"] >= 1
    asked = {"server": str(scene.machine.server.uuid)}
    for _ in range(2):
        assert client.post("/api/v1/trainings", asked, content_type="application/json").status_code == 201
    assert Training.objects.filter(why="asked").count() == 1


def test_what_is_due_is_worked_off_by_a_child_and_what_a_killed_one_left_is_begun_anew(scene: Scene) -> None:
    know(scene.server)
    left = Training.objects.create(server=scene.machine.server, why="weekly", due_at=now(), state="running", tries=1)
    asked: list[list[str]] = []

    def run(words: list[str], *, seconds: float, heard: Callable[[str], None]) -> int:
        asked.append(words)
        heard(".")
        if words[0] == "train_models":
            work.work(10, 30)
        else:
            Watch.objects.update(fresh_at=now())
        return 0

    scene.past(3_600_000)
    trainer = Trainer(run)
    assert trainer.step()
    assert not trainer.step()
    assert asked == [["train_models", "--batch", "50", "--seconds", "270.0"]]
    left.refresh_from_db()
    assert left.state in {"done", "refused"}
    thresholds_row = Training.objects.get(server=None)
    assert thresholds_row.due_at > now()
    Training.objects.filter(pk=thresholds_row.pk).update(due_at=now())
    trainer.step()
    trainer.step()
    assert asked[-1][0] == "compare_models"
    assert Training.objects.filter(server=None, state="done").count() == 1
    assert Training.objects.filter(server=None, state="due").count() == 1


def test_the_first_models_are_soon_followed_by_those_of_more_rows() -> None:
    at = milliseconds()
    for age, due in ((0.2, 1), (0.9, 1), (1.1, 6), (7, 24)):
        since = at - int(age * plan.HOUR)
        assert from_milliseconds(since + due * plan.HOUR + 60_000) == plan.grown_due(since), age
    assert plan.grown_due(at - 9 * plan.DAY) <= now()


def test_nights_are_shared_and_every_server_has_its_own() -> None:
    due = [plan.weekly_due(server) for server in range(300)]
    assert all((one - now()).total_seconds() / 86_400 + 1.2 >= 6 and 1 <= one.hour <= 5 for one in due)
    assert len({one.date() for one in due}) == 3
    assert len({one.time() for one in due}) > 250


def test_a_child_ends_with_its_parent_however_that_ends(tmp_path: Any) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'monitor.settings'\n"
        "import subprocess, time\n"
        "env = {**os.environ, 'WATCHKEEPER_CHILD_OF': str(os.getpid())}\n"
        "words = 'import sys; sys.path.insert(0, sys.argv[1]); from ml import child; child.bind();"
        " print(1, flush=True); import time; time.sleep(60)'\n"
        "one = subprocess.Popen([sys.executable, '-c', words, sys.argv[1]], env=env, stdout=subprocess.PIPE)\n"
        "one.stdout.readline(); print(one.pid, flush=True); time.sleep(60)\n"
    )
    env = {**os.environ, "WATCHKEEPER_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "monitor.settings"}
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(settings.ROOT)], stdout=subprocess.PIPE, env=env, text=True
    )
    try:
        assert parent.stdout is not None
        born = int(parent.stdout.readline())
        assert os.getpriority(os.PRIO_PROCESS, born) >= child.NICE
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    end = time.monotonic() + 5
    while time.monotonic() < end and _alive(born):
        time.sleep(0.05)
    assert not _alive(born)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
