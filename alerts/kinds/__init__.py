"""The kinds of rules by name."""

from __future__ import annotations

from alerts.kinds import change, composite, learned, no_data, past, threshold
from alerts.kinds.base import Kind, registry

__all__ = ["Kind", "change", "composite", "learned", "no_data", "past", "registry", "threshold"]
