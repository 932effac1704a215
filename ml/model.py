"""What was learned of one server: scale, profile, what each detector knows, and how rare its scores were."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ml import npz
from ml.detectors import Arrays
from ml.preprocess import Flags, Floats, Scale

FLOATS = ("usual", "stray", "beside", "sway", "level", "scores", "tails", "fresh_scores", "fresh_tails")
WEIGHTS = {"kmeans": 2.0, "pca": 2.0}  # of the others each counts once
SILENT_TAIL = 3.0  # a series that stops is odd by itself
# Points under the median, by what is scored: three of five must be odd within a minute, four of seven at one a
# minute, two of three at five minutes; what comes more rarely stands for itself.
PERSISTENCE = ((20_000, 5), (60_000, 7), (300_000, 3))
LONGEST_MEDIAN = 7


def persistence(tick_ms: int) -> int:
    return next((points for most, points in PERSISTENCE if tick_ms <= most), 1)


@dataclass(frozen=True)
class Model:
    columns: tuple[str, ...]
    step_ms: int  # what is learned from
    tick_ms: int  # what is scored; the step is a multiple of it
    scale: Scale
    usual: Floats  # the profile that people see: (1, 24 or 168 hours, metrics)
    stray: Floats
    beside: Floats  # the profile that is judged: how far beside the slow level each hour lies, in strays
    sway: Floats
    known: dict[str, Arrays]  # by detector
    always: Flags  # metrics that are missed when they stop
    level: Floats  # where each metric was when learning ended, in strays from the median
    scores: Floats  # by detector: the table of tails over the days of learning
    tails: Floats
    fresh_scores: Floats  # the same over the last days, made anew each night
    fresh_tails: Floats
    persistence: int = 1
    seen: int = 1  # metrics that had any value
    rows: int = 0
    from_ms: int = 0
    to_ms: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def detectors(self) -> tuple[str, ...]:
        return tuple(self.known)

    @property
    def blaming(self) -> tuple[str, ...]:
        """Which of them say what is to blame: who looks at one metric at a time does it best.

        A broken correlation blames those that stood still, too, and change bits have no measure.
        """
        others = tuple(name for name in self.known if name != "kmeans")
        return ("hour",) if "hour" in self.known else others

    @property
    def phases(self) -> int:
        """So many streams, each at the step of learning, lie between one another."""
        return self.step_ms // self.tick_ms

    @property
    def weights(self) -> Floats:
        return np.array([WEIGHTS.get(name, 1.0) for name in self.known])

    def tables(self) -> tuple[Floats, Floats]:
        """Both tables of each detector as one, the mean of what they say."""
        scores, tails = np.concatenate([self.scores, self.fresh_scores], 1), []
        scores.sort(axis=1)
        for row in range(len(scores)):
            learned = np.interp(scores[row], self.scores[row], self.tails[row])
            fresh = np.interp(scores[row], self.fresh_scores[row], self.fresh_tails[row])
            tails.append((learned + fresh) / 2)
        return scores, np.stack(tails)

    def pack_fresh(self) -> bytes:
        """What a night adds: how rare scores were over the last days. A version itself never changes."""
        fresh = {name: getattr(self, name).astype(np.float32) for name in ("fresh_scores", "fresh_tails")}
        return npz.pack(fresh, {"detectors": self.detectors})

    def with_fresh(self, blob: bytes) -> Model:
        """Compared with the last days of that night; unchanged where they are of other detectors."""
        arrays, about = npz.unpack(blob)
        fits = tuple(about["detectors"]) == self.detectors and arrays["fresh_scores"].shape == self.scores.shape
        return replace(self, **arrays) if fits else self

    def pack(self) -> bytes:
        arrays = {f"{name}.{each}": value for name, known in self.known.items() for each, value in known.items()}
        arrays |= {f"scale.{name}": getattr(self.scale, name) for name in ("median", "spread", "low", "high")}
        arrays |= {name: getattr(self, name).astype(np.float32) for name in FLOATS}
        about: dict[str, object] = {
            "columns": self.columns,
            "detectors": self.detectors,
            "step_ms": self.step_ms,
            "tick_ms": self.tick_ms,
            "persistence": self.persistence,
            "seen": self.seen,
            "rows": self.rows,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "figures": self.figures,
        }
        return npz.pack(arrays | {"always": self.always}, about)

    @classmethod
    def unpack(cls, blob: bytes) -> Model:
        arrays, about = npz.unpack(blob)
        columns, detectors = tuple(about.pop("columns")), about.pop("detectors")
        parts: dict[str, Arrays] = {name: {} for name in (*detectors, "scale")}
        for name in [name for name in arrays if "." in name]:
            of, what = name.split(".", 1)
            parts[of][what] = arrays.pop(name)
        return cls(columns=columns, scale=Scale(**parts.pop("scale")), known=parts, **arrays, **about)
