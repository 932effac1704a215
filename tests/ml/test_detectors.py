"""Every kind of detector learns, is kept without pickle, and scores without what it learned with."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ml import npz, pipeline
from ml.detectors import LIVE, registry
from ml.stacked import Stack
from tests.ml.made import NAMES, made

KINDS = ["autoencoder", "hour", "isolation_forest", "kmeans", "pca", "sklearn_kmeans", "sklearn_pca"]


def test_the_kinds_there_are() -> None:
    assert list(registry) == KINDS
    assert set(LIVE) <= set(KINDS)
    assert all(registry.get(kind).title for kind in KINDS)


@pytest.mark.usefixtures("learning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_finds_what_was_planted(kind: str) -> None:
    times, values = made(80, 8)
    options = pipeline.Options((kind,), tick_ms=60_000)
    model = pipeline.Model.unpack(pipeline.fit(times[:4000], values[:4000], NAMES[:8], options=options).pack())
    values[4400:4420, :3] += np.random.default_rng(2).normal(0, 40, (20, 3))
    tail = pipeline.replay(model, times[4000:], values[4000:]).tail
    assert tail[402:420].max() > max(1.5, np.quantile(tail[:400], 0.99))
    assert tail[404:420].mean() > np.quantile(tail[:400], 0.95)


def test_what_is_kept_holds_no_pickle_and_is_small() -> None:
    times, values = made(168, 40)
    model = pipeline.fit(times, values, NAMES)
    blob = model.pack()
    assert len(blob) < 100_000
    again = pipeline.Model.unpack(blob)
    assert (again.columns, again.step_ms, again.detectors) == (NAMES, 60_000, LIVE)
    with pytest.raises(ValueError, match="pickle"):
        npz.unpack(npz.pack({"bad": np.array([None])}, {}))


def test_judging_needs_no_scikit_learn() -> None:
    """Web and worker never pay for its memory."""
    program = "import sys, ml.stacked, ml.pipeline; sys.exit('sklearn' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0


@pytest.mark.usefixtures("learning")
def test_scikit_learn_models_are_judged_in_the_stack_too() -> None:
    times, values = made(11, 6)
    options = pipeline.Options(("hour", "isolation_forest", "autoencoder"), tick_ms=60_000)
    model = pipeline.fit(times[:600], values[:600], NAMES[:6], options=options)
    stack = Stack()
    stack.put(1, model)
    ticks = [stack.tick(int(now), [1], row[None]).tail[0] for now, row in zip(times[600:], values[600:], strict=True)]
    replayed = pipeline.replay(model, times[600:], values[600:]).tail
    np.testing.assert_allclose(ticks[8:], replayed[8:], atol=2e-3)
