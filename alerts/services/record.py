"""The record as other apps read it: with all that a line needs, as lines, and as a table."""

from __future__ import annotations

from alerts.record import as_csv, delivered, told

__all__ = ["as_csv", "delivered", "told"]
