"""The calm rules a new team begins with: few, late enough to be true, and none that wakes anybody by itself."""

from __future__ import annotations

from alerts.models import Rule

DEFAULTS = (
    Rule(name="Disk nearly full", metric="disk_used_percent", warn=90, warn_recover=88, critical=96,
         critical_recover=94, for_seconds=60),
    Rule(name="Memory nearly used up", metric="memory_used_percent", warn=92, warn_recover=88, critical=97,
         critical_recover=93, for_seconds=300),
    Rule(name="CPU busy for long", metric="cpu_used_percent", warn=95, warn_recover=85, for_seconds=900),
)  # fmt: skip
