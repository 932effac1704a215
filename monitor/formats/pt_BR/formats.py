"""Brazilian Portuguese with short months: times stand in tables and narrow columns."""

from __future__ import annotations

DATETIME_FORMAT = r"j \d\e b \d\e Y, H:i"
MONTH_DAY_FORMAT = r"j \d\e b"
