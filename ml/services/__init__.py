"""The verbs of judgement, for those above: said so by their modules."""

from __future__ import annotations
