"""Tasks that are measured on laid-out data by the product's own code; each reads a folder and writes result files."""

from __future__ import annotations

from ml.evaluation.base import Task, registry

__all__ = ["Task", "registry"]
