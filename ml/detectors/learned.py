"""Detectors that scikit-learn fits in the training child; what they learned is scored here, in numpy."""

from __future__ import annotations

import warnings

import numpy as np

from ml.detectors.base import (
    RESIDUAL_CAP,
    Arrays,
    Detector,
    Rows,
    Scored,
    picked,
    present_mean,
    recent,
    registry,
)
from ml.preprocess import Floats

SMOOTH = 3
SAMPLE = 8000
FLOOR = 0.02


@registry.register("sklearn_kmeans")
class Clusters(Detector):
    """Far from every cluster of whole rows."""

    title = "k-means clusters (scikit-learn)"
    needs = "sklearn"
    CLUSTERS = 8

    def fit(self, rows: Rows) -> Arrays:
        from sklearn.cluster import KMeans  # noqa: PLC0415 - never in the memory of web or worker

        sample = picked(rows, SAMPLE)
        found = KMeans(min(self.CLUSTERS, len(sample)), n_init=1, random_state=0).fit(sample)
        return {"centres": found.cluster_centers_.astype(np.float32)}

    def score(self, known: Arrays, rows: Rows) -> Scored:
        z, centres = np.nan_to_num(rows.z), known["centres"]
        far = (z**2).sum(1)[:, None] - 2 * z @ centres.T + (centres**2).sum(1)
        away = np.abs(z - centres[far.argmin(1)]) * rows.known
        return Scored(np.log1p(present_mean(recent(away**2, SMOOTH), rows.known)), recent(away, SMOOTH))


@registry.register("sklearn_pca")
class Components(Detector):
    """The residual of scikit-learn's PCA with as many components as explain nine tenths."""

    title = "PCA (scikit-learn)"
    needs = "sklearn"

    def fit(self, rows: Rows) -> Arrays:
        from sklearn.decomposition import PCA  # noqa: PLC0415 - large: the child that learns loads it alone

        sample = picked(rows, SAMPLE)
        found = PCA(0.9, svd_solver="full").fit(sample)
        rest = sample - found.inverse_transform(found.transform(sample))
        return {
            "mean": found.mean_.astype(np.float32),
            "axes": found.components_.astype(np.float32),
            "deviation": np.maximum(rest.std(0), 0.05).astype(np.float32),
        }

    def score(self, known: Arrays, rows: Rows) -> Scored:
        z = np.nan_to_num(rows.z) - known["mean"]
        return _residual(z - (z @ known["axes"].T) @ known["axes"], known["deviation"], rows)


@registry.register("autoencoder")
class Autoencoder(Detector):
    """A small perceptron that rebuilds its input; strange is what it cannot rebuild."""

    title = "MLP autoencoder (scikit-learn)"
    needs = "sklearn"
    EPOCHS = 20

    def fit(self, rows: Rows) -> Arrays:
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - as above
        from sklearn.neural_network import MLPRegressor  # noqa: PLC0415 - as above

        sample, width = picked(rows, SAMPLE) / 3, rows.z.shape[1]
        layers = (max(width // 2, 4), max(width // 6, 2), max(width // 2, 4))
        batch = min(128, len(sample))
        model = MLPRegressor(
            hidden_layer_sizes=layers, activation="tanh", max_iter=self.EPOCHS, batch_size=batch, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs and no more: that is meant
            model.fit(sample, sample if width > 1 else sample[:, 0])
        known = {f"weights{n}": each.astype(np.float32) for n, each in enumerate(model.coefs_)}
        known |= {f"offset{n}": each.astype(np.float32) for n, each in enumerate(model.intercepts_)}
        rest = sample - rebuilt(known, sample.astype(np.float32))
        return known | {"deviation": np.maximum(rest.std(0), FLOOR).astype(np.float32)}

    def score(self, known: Arrays, rows: Rows) -> Scored:
        z = (np.nan_to_num(rows.z) / 3).astype(np.float32)
        return _residual(z - rebuilt(known, z), known["deviation"], rows)


def rebuilt(known: Arrays, z: Floats) -> Floats:
    last = sum(name.startswith("weights") for name in known) - 1
    for layer in range(last + 1):
        z = z @ known[f"weights{layer}"] + known[f"offset{layer}"]
        z = z if layer == last else np.tanh(z)
    return z


@registry.register("isolation_forest")
class Forest(Detector):
    """How few random cuts set a row apart; the trees are kept as arrays and walked all at once."""

    title = "isolation forest (scikit-learn)"
    needs = "sklearn"
    TREES, ROWS = 100, 256

    def fit(self, rows: Rows) -> Arrays:
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - as above

        sample = picked(rows, SAMPLE).astype(np.float32)
        found = IsolationForest(n_estimators=self.TREES, max_samples=min(self.ROWS, len(sample)), random_state=0)
        trees = [each.tree_ for each in found.fit(sample).estimators_]
        most = max(tree.node_count for tree in trees)
        names = ("feature", "cut", "left", "right", "depth")
        known = {name: np.zeros((len(trees), most), np.float32) for name in names}
        for row, tree in enumerate(trees):
            count, here = tree.node_count, np.arange(tree.node_count)
            leaf = tree.children_left < 0
            known["feature"][row, :count] = np.where(leaf, 0, tree.feature)
            known["cut"][row, :count] = tree.threshold
            known["left"][row, :count] = np.where(leaf, here, tree.children_left)
            known["right"][row, :count] = np.where(leaf, here, tree.children_right)
            known["depth"][row, :count] = _depths(tree.children_left, tree.children_right) + _rest(
                tree.n_node_samples
            )
        return known | {"usual": _rest(np.array([min(self.ROWS, len(sample))])).astype(np.float32)}

    def score(self, known: Arrays, rows: Rows) -> Scored:
        z = np.nan_to_num(rows.z).astype(np.float32)
        score = np.empty(len(z), np.float32)
        for begin in range(0, len(z), 2000):  # bounds the memory of the walk
            depth = _walked(known, z[begin : begin + 2000])
            score[begin : begin + 2000] = 2 ** (-depth / known["usual"][0])
        return Scored(recent(score, SMOOTH), np.abs(z))


def _walked(known: Arrays, z: Floats) -> Floats:
    trees = np.arange(len(known["feature"]))
    node = np.zeros((len(z), len(trees)), np.intp)
    row = np.arange(len(z))[:, None]
    for _ in range(int(np.ceil(np.log2(Forest.ROWS))) + 1):
        asked = known["feature"][trees, node].astype(np.intp)
        left = z[row, asked] <= known["cut"][trees, node]
        node = np.where(left, known["left"][trees, node], known["right"][trees, node]).astype(np.intp)
    found: Floats = known["depth"][trees, node].mean(1)
    return found


def _depths(left: Floats, right: Floats) -> Floats:
    found = np.zeros(len(left))
    for node in range(len(left)):  # children always come after their parent
        if left[node] >= 0:
            found[left[node]] = found[right[node]] = found[node] + 1
    return found


def _rest(count: Floats) -> Floats:
    """How much deeper a leaf of so many rows would have gone."""
    count = np.asarray(count, float)
    guess = 2 * (np.log(np.maximum(count - 1, 1)) + 0.5772156649) - 2 * (count - 1) / np.maximum(count, 1)
    return np.where(count > 2, guess, np.where(count == 2, 1.0, 0.0))


def _residual(rest: Floats, deviation: Floats, rows: Rows) -> Scored:
    squared = np.clip(rest / deviation, -RESIDUAL_CAP, RESIDUAL_CAP) ** 2 * rows.known
    smooth = recent(squared, SMOOTH)
    return Scored(np.log1p(present_mean(smooth, rows.known)), np.sqrt(smooth))
