"""Models that come with the product: the right files, walked as scikit-learn would, and never read from elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import breach, disk_failure, shipped
from ml.evaluation import breach as crossings
from ml.evaluation import disks, exhaustion
from ml.evaluation.disktable import NEVER, Disks
from ml.evaluation.yes_no import figures, table
from ml.trees import Trees, from_boosting

DAYS = 190


def test_what_ships_is_what_is_described() -> None:
    trees, cut = shipped.breach()
    assert 0 < cut < 1
    assert trees.chance(np.zeros((3, breach.WIDTH))).shape == (3,)
    model = shipped.disk()
    assert model.raised < model.high


def test_a_file_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breach.npz").write_bytes((shipped.FOLDER / "breach.npz").read_bytes() + b" ")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(shipped.WrongModel):
        shipped.read("breach")


@pytest.mark.usefixtures("learning")
def test_trees_are_walked_as_they_were_learnt() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw = np.random.default_rng(0)
    rows = draw.normal(size=(400, 5))
    model = HistGradientBoostingClassifier(max_iter=8).fit(rows, rows[:, 0] * rows[:, 1] > 0)
    trees = from_boosting(model)
    assert trees.chance(rows) == pytest.approx(model.predict_proba(rows)[:, 1])
    again = Trees.read(trees.arrays())
    assert again.chance(rows) == pytest.approx(trees.chance(rows))


def test_a_failing_disk_stands_out_and_its_own_verdict_is_not_asked() -> None:
    days = np.arange(32)
    values = np.zeros((32, len(disk_failure.ATTRIBUTES)))
    values[:, 5], values[:, 7] = 24_000 + 24 * days, 25
    sound = disk_failure.features(days, values, np.zeros(32, np.int64))
    values[20:, 3] = values[20:, 4] = 8 * (days[20:] - 19)
    values[25:, 1] = 3
    failing = disk_failure.features(days, values, np.zeros(32, np.int64))
    assert sound.shape[1] == disk_failure.WIDTH
    scores, states = shipped.disk().judge(np.stack([sound[-1], failing[-1]]), np.arange(2))
    assert scores[1] > 5 * scores[0]
    assert states[0] == "low"
    assert states[1] == "high"
    assert disk_failure.rule(np.array([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 16, 0]])) == [
        "low",
        "raised",
        "high",
    ]


def test_a_class_lasts_for_a_month_and_is_no_other_disks() -> None:
    scores = np.zeros(100)
    scores[[10, 59]] = 0.7, 0.9
    first = np.repeat([0, 60], [60, 40])
    lasting = disk_failure.lasting(scores, first)
    assert np.flatnonzero(lasting).tolist() == [*range(10, 10 + disk_failure.LASTS), 59]


def test_crossings_are_seen_by_the_past_alone() -> None:
    draw = np.random.default_rng(1)
    values = draw.normal(-1, 0.4, (2000, 2))
    whole = breach.cases(values, 60.0)
    part = breach.cases(values[:1500], 60.0)
    assert whole.features.shape[2] == breach.WIDTH
    assert np.array_equal(whole.features[:1500], part.features)
    row = 700
    assert whole.crosses[row].tolist() == (values[row + 1 : row + 61] > 0).any(axis=0).tolist()


def test_no_process_that_serves_needs_scikit_learn() -> None:
    code = "import sys; from ml import shipped; shipped.breach(); shipped.disk(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def made_disks(folder: Path) -> Path:
    """Sixty disks over half a year: a few fail after their counters rose."""
    draw = np.random.default_rng(0)
    columns: dict[str, list[int]] = {name: [] for name in ("drive", "day", "failure")}
    columns |= {f"smart_{number}": [] for number in disk_failure.ATTRIBUTES}
    for drive in range(60):
        end = int(draw.integers(60, DAYS)) if drive < 24 else DAYS
        a_day = int(draw.integers(5, 50))
        for day in range(end):
            rising = max(0, day - end + 12) if drive < 24 else 0
            columns["drive"].append(drive)
            columns["day"].append(day)
            columns["failure"].append(int(drive < 24 and day == end - 1))
            for number in disk_failure.ATTRIBUTES:
                value = 8 * rising if number in {197, 198} else 100 + a_day * day if number == 241 else 0
                columns[f"smart_{number}"].append(value)
    (folder / "disks").mkdir()
    stored = {name: np.array(found) for name, found in columns.items()}
    stored = {name: found if name == "failure" else np.diff(found, prepend=0) for name, found in stored.items()}
    arrays: dict[str, Any] = stored
    np.savez_compressed(folder / "disks" / "made.npz", **arrays)
    return folder


def test_figures_are_measured_on_laid_out_data(tmp_path: Path) -> None:
    folder = made_disks(tmp_path)
    lines = list(exhaustion.run(folder, folder))
    assert any("all periods" in line for line in lines)
    lines = list(disks.run(folder, folder))
    assert lines[0] == "disks: the shipped model"
    assert lines[-1].startswith("high class: detection")
    assert list(crossings.run(folder, folder)) == ["breach: none of its sets here"]


class _AsTold:
    """Trees that say what stands in the first column."""

    def chance(self, rows: np.ndarray) -> np.ndarray:
        return rows[:, 0]


def test_a_share_of_false_alarms_is_meant_of_a_quarter_and_not_of_ever_longer_times() -> None:
    drive, day = np.repeat(np.arange(200), 180), np.tile(np.arange(180), 200)
    rows = np.where(day == 30, drive / 1000, 0.0)[:, None]
    span = disks.Span(Disks(drive, day, rows, np.full(200, NEVER)), rows, 200, 200)
    trees: Any = _AsTold()
    one, two = disks.settle(span, trees, 0, 89), disks.settle(span, trees, 0, 179)
    assert one.raised == pytest.approx(0.191, abs=1e-3), "above it are 8 of 200 disks"
    assert two.raised == pytest.approx(0.183, abs=1e-3), "16 of 400 quarters"
    assert one.high > two.high > two.raised


def test_always_no_stands_beside_plain_accuracy() -> None:
    truth = np.array([True] * 5 + [False] * 95)
    found = figures("x", truth, np.zeros(100, np.bool_))
    assert (found.accuracy, found.always_no, found.balanced) == (0.95, 0.95, 0.5)
    assert "always no" in table([found])[0]
