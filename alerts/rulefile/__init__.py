"""Rules as a file that people keep under version control: `rules.yaml`, out, compared and in."""

from __future__ import annotations

from alerts.rulefile.planning import Plan, apply, plan
from alerts.rulefile.reading import LARGEST, Broken
from alerts.rulefile.writing import export

__all__ = ["LARGEST", "Broken", "Plan", "apply", "export", "plan"]
