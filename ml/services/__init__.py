"""The verbs of judgement, for those above: said so by their modules."""

from __future__ import annotations

from ml import card, gate, lastweek, said, usual

__all__ = ["card", "gate", "lastweek", "said", "usual"]
