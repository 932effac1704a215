"""The verbs of judgement, for those above: said so by their modules."""

from __future__ import annotations

from ml import card, gate, lastweek, said, usual
from ml.training.excused import on_learning

__all__ = ["card", "gate", "lastweek", "on_learning", "said", "usual"]
