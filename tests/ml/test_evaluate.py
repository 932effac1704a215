"""The command that measures the product's own judgement, and the bench's honest scoring."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from bench import _events, _planted
from bench.ml import replaced
from ml.evaluation.anomalies import judged, load


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    """A series of many metrics as the sets are laid out, and a single one with too little to learn from."""
    series = _planted.series(1)
    (tmp_path / "smd").mkdir()
    cut = series.first + 3000
    np.savez_compressed(
        tmp_path / "smd" / "one.npz", train=series.values[: series.first, :8], step_s=60,
        test=series.values[series.first : cut, :8], label=series.labels[:3000],
    )  # fmt: skip
    (tmp_path / "nab").mkdir()
    time = np.r_[np.arange(60), 30, np.arange(61, 100)] * 300.0  # its clock jumps back once
    np.savez_compressed(
        tmp_path / "nab" / "few.npz", train=np.arange(40.0)[:, None], test=np.arange(60.0)[:, None],
        label=np.zeros(60, np.int8), step_s=300, time=time,
    )  # fmt: skip
    return tmp_path


def test_result_files_hold_what_a_scorer_reads(laid_out: Path, tmp_path: Path) -> None:
    said = StringIO()
    call_command("evaluate_models", data=laid_out, out=tmp_path / "out", tasks="anomalies", stdout=said)
    assert "smd: 1 series" in said.getvalue()
    with np.load(tmp_path / "out" / "smd" / "one.npz") as found:
        assert set(found.files) == {"t", "score", "alert", "labels", "step_s"}
        assert len(found["t"]) == len(found["score"]) == len(found["alert"]) == len(found["labels"]) == 3000
        assert (np.diff(found["t"]) > 0).all()
        assert found["alert"].dtype == bool
        assert 0 < found["alert"].sum() < 300
    with np.load(tmp_path / "out" / "nab" / "few.npz") as found:
        assert not found["alert"].any()
        assert (np.diff(found["t"]) >= 0).all()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("evaluate_models", data=tmp_path / "none", out=tmp_path)


def test_judging_never_looks_ahead(laid_out: Path) -> None:
    """What came later changes nothing of what was said before."""
    series = load(laid_out / "smd" / "one.npz")
    spoiled = load(laid_out / "smd" / "one.npz")
    spoiled.values[series.first + 2000 :] *= 50
    for one, other in zip(judged(series), judged(spoiled), strict=True):
        np.testing.assert_array_equal(one[:2000], other[:2000])


def test_events_are_counted_by_hand() -> None:
    labels, alert = np.zeros(1000, bool), np.zeros(1000, bool)
    labels[100:120] = labels[125:130] = labels[500:510] = True  # the first two are one event
    alert[115] = alert[300] = alert[900:905] = True
    found = _events.counted(labels, alert, 60)
    assert (found.events, found.hit, found.episodes, found.true) == (2, 1, 3, 1)
    assert found.delays == [15 * 60]
    assert found.false_points == 6
    read = _events.figures(found + found)
    assert read["precision"] == pytest.approx(1 / 3)
    assert read["recall"] == 0.5
    assert read["always_no"] == pytest.approx(96.5)
    assert read["accuracy"] < read["always_no"]
    assert read["balanced"] < 60


def test_a_table_that_is_made_alone_takes_the_place_of_the_one_before() -> None:
    before = "\n\n### First\n\n- a\n\n| b |\n\n### Second\n\n- c\n"
    after = replaced(before, "First", "### First\n\n- d")
    assert after == "### First\n\n- d\n\n### Second\n\n- c\n"
    assert replaced(after, "Third", "### Third\n\n- e") == f"{after}\n### Third\n\n- e\n"
