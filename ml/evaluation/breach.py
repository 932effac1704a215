"""A calm metric crosses its critical line within the hour: judged on servers that the model has not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml import breach, shipped
from ml.evaluation.base import registry
from ml.evaluation.yes_no import Figures, figures, table
from ml.trees import Trees, from_boosting

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SETS = ("smd", "svc2")
MOST = 8000  # moments of a part of one server
CUT = 0.5
FEWEST_VALUES = 200
SETTINGS: dict[str, Any] = {
    "max_iter": 60, "learning_rate": 0.06, "max_leaf_nodes": 15, "min_samples_leaf": 60, "l2_regularization": 5.0,
    "random_state": 0,
}  # fmt: skip


class Part(NamedTuple):
    """Moments of one server: what was known, and what came."""

    rows: NDArray[np.float32]
    truth: Bools


class Server(NamedTuple):
    """One file: moments of its past, and later ones."""

    path: Path
    earlier: Part
    later: Part


@registry.register("breach")
def run(data: Path, out: Path) -> Iterator[str]:
    """Files that the shipped model was fitted on are judged by a model of the other half of them."""
    del out
    servers = {name: load(data / name) for name in SETS}
    servers = {name: found for name, found in servers.items() if found}
    if not servers:
        yield "breach: none of its sets here"
        return
    known = set(shipped.book().get("breach", {}).get("data", []))
    seen = any(digest(one.path) in known for found in servers.values() for one in found)
    yield f"breach: {'fitted on the other half of the servers' if seen or not known else 'the shipped model'}"
    rows: list[Figures] = []
    for name, (truth, said, last) in (halves(servers) if seen or not known else by_shipped(servers)).items():
        rows.append(figures(f"breach in 60 min, {name}", truth, said))
        rows.append(figures(f"naive: last value near the line, {name}", truth, last))
    yield from table(rows)


Said = tuple[Bools, Bools, Bools]


def halves(servers: dict[str, list[Server]]) -> dict[str, Said]:
    found: dict[str, list[Said]] = {name: [] for name in servers}
    for half in (0, 1):
        trees = learn([every[half::2] for every in servers.values()])
        for name, every in servers.items():
            found[name].append(said(trees, CUT, every[1 - half :: 2]))
    return {name: together(parts) for name, parts in found.items()}


def by_shipped(servers: dict[str, list[Server]]) -> dict[str, Said]:
    trees, cut = shipped.breach()
    return {name: said(trees, cut, every) for name, every in servers.items()}


def said(trees: Trees, cut: float, servers: Sequence[Server]) -> Said:
    parts = []
    for one in servers:
        near = one.later.rows[:, 0]
        border = np.quantile(near, 1 - one.later.truth.mean()) if len(near) else 0.0
        parts.append((one.later.truth, trees.chance(one.later.rows.astype(np.float64)) >= cut, near >= border))
    return together(parts)


def together(parts: Sequence[Said]) -> Said:
    truth, yes, near = (np.concatenate(some) for some in zip(*parts, strict=True))
    return truth, yes, near


def learn(sets: Sequence[Sequence[Server]]) -> Trees:
    """Sets weigh alike, and so do yes and no; scikit-learn is needed here alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - never in a process that serves

    rows, truths, weights = [], [], []
    for servers in sets:
        parts = [part for one in servers for part in (one.earlier, one.later)]
        truth = np.concatenate([part.truth for part in parts])
        share = max(float(truth.mean()), 1e-6)
        rows += [part.rows for part in parts]
        truths.append(truth)
        weights.append(np.where(truth, 0.5 / share, 0.5 / (1 - share)) / len(truth) * 50_000)
    model = HistGradientBoostingClassifier(**SETTINGS)
    return from_boosting(model.fit(np.concatenate(rows), np.concatenate(truths), np.concatenate(weights)))


def ship(data: Path) -> dict[str, Any]:
    """Learn from all servers of the sets there."""
    servers = [found for name in SETS if (found := load(data / name))]
    if not servers:
        raise FileNotFoundError(f"None of {', '.join(SETS)} under {data}.")
    trees = learn(servers)
    about = {
        "data": [digest(one.path) for every in servers for one in every], "cut": CUT, "sets": list(SETS),
        "horizon_seconds": breach.HORIZON, "settings": SETTINGS,
        "made_by": "manage.py train_breach_model --data FOLDER",
    }  # fmt: skip
    shipped.write("breach", trees.arrays(), about)
    return about


def load(folder: Path) -> list[Server]:
    draw = np.random.default_rng(1)
    found = (_server(path, draw) for path in sorted(folder.glob("*.npz")))
    return [one for one in found if one is not None]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _server(path: Path, draw: np.random.Generator) -> Server | None:
    """Critical is the 99th percentile of the past, of metrics that move and are mostly well below it."""
    with np.load(path, allow_pickle=False) as found:
        past, later, step = found["train"].astype(float), found["test"].astype(float), float(found["step_s"])
    values = _carried(np.concatenate([past, later]))
    first = len(past)
    past = values[:first]
    usual, critical, high = np.median(past, axis=0), np.quantile(past, 0.99, axis=0), np.quantile(past, 0.75, axis=0)
    moves = past.std(axis=0) > 1e-3 * np.maximum(np.abs(usual), 1e-3)
    clear = critical > usual + 1.5 * np.maximum(high - usual, 1e-6)
    rich = np.array([len(np.unique(column)) for column in past.T]) > FEWEST_VALUES
    some = moves & clear & rich
    if not some.any():
        return None
    case = breach.cases(breach.scaled(values[:, some], critical[some], usual[some]), step)
    gap = int(breach.HORIZON / step)
    parts = (_drawn(case, slice(first // 2, first - gap), draw), _drawn(case, slice(first, len(values) - gap), draw))
    return Server(path, *parts)


def _drawn(case: breach.Case, rows: slice, draw: np.random.Generator) -> Part:
    row, column = np.nonzero(case.calm[rows])
    row += rows.start
    if len(row) > MOST:
        some = draw.choice(len(row), MOST, replace=False)
        row, column = row[some], column[some]
    return Part(case.features[row, column], case.crosses[row, column])


def _carried(values: Floats) -> Floats:
    known = np.isfinite(values)
    source = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], 0), axis=0)
    return np.asarray(np.nan_to_num(np.take_along_axis(values, source, axis=0)))
