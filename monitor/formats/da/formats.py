"""Danish with short months: times stand in tables and narrow columns."""

from __future__ import annotations

DATETIME_FORMAT = "j. b Y, H:i"
MONTH_DAY_FORMAT = "j. b"
