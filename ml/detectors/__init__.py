"""Kinds of detectors; each learns from scaled rows and says how strange a row is, and by which metric."""

from __future__ import annotations

from ml.detectors import hour, kmeans, learned, pca
from ml.detectors.base import Arrays, Detector, Rows, Scored, registry

LIVE = ("kmeans", "pca", "hour")  # what scores unless somebody chooses otherwise

__all__ = ["LIVE", "Arrays", "Detector", "Rows", "Scored", "hour", "kmeans", "learned", "pca", "registry"]
