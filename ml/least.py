"""The least step of each kind of metric that is worth a look, by its name: learning may have seen far less."""

from __future__ import annotations

import numpy as np

from ml.preprocess import Floats

# By the end of a plain name, the first that fits counts.
KINDS = (
    ("errors_per_second", 0.1), ("drops_per_second", 0.1), ("_bytes_per_second", 20_000.0), ("_per_second", 2.0),
    ("_percent", 0.5), ("_await_seconds", 0.002), ("_celsius", 1.0),
    ("load1", 0.1), ("processes", 2.0), ("processes_blocked", 1.0), ("threads", 4.0), ("tcp_connections", 4.0),
    ("services_failed", 0.5), ("containers_running", 0.5), ("containers_stopped", 0.5), ("containers_unhealthy", 0.5),
    ("_sectors", 0.5), ("_media_errors", 0.5),
)  # fmt: skip
BYTES, BYTES_SHARE = (1e6, 2e8), 0.01  # of an amount a share of it, within bounds


def steps(columns: tuple[str, ...], usual: Floats) -> Floats:
    """For each column, in its own unit; nothing where the kind is not known."""
    return np.array([_step(column.partition("{")[0], size) for column, size in zip(columns, usual, strict=True)])


def _step(name: str, usual: float) -> float:
    if name.endswith("_bytes"):
        return float(np.clip(BYTES_SHARE * abs(usual), *BYTES))
    return next((step for end, step in KINDS if name.endswith(end)), 0.0)
