"""Finite things: what runs out, and what it runs out of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thing:
    """A metric that meets a limit: a fixed one, or that of another metric of the same labels."""

    metric: str
    limit: float | None = None
    limit_metric: str = ""


THINGS = (
    Thing("disk_used_bytes", limit_metric="disk_total_bytes"),
    Thing("disk_inodes_used_percent", 100.0),
    Thing("memory_used_bytes", limit_metric="memory_total_bytes"),
    Thing("swap_used_percent", 100.0),
)
# What counts down by itself: its own value is the time that is left.
COUNTDOWN = "check_certificate_seconds_left"

SERIES = "forecast_seconds_left"
RISK = "failure_risk_percent"

# Calm metrics that may cross their critical line within the hour.
LINES = {
    "cpu_used_percent": 95.0, "memory_used_percent": 97.0, "swap_used_percent": 90.0,
    "pressure_memory_percent": 30.0, "pressure_io_percent": 70.0,
}  # fmt: skip
# Of these a rule is critical there too; over the others the rules that we ship only warn.
CRITICAL = {"memory_used_percent"}

# The attributes of `ml.disk_failure` that have a name of their own; the others stand in RAW by their number.
SMART = {
    5: "disk_reallocated_sectors", 197: "disk_pending_sectors", 198: "disk_uncorrectable_sectors",
    9: "disk_powered_seconds", 194: "disk_temperature_celsius",
}  # fmt: skip
RAW = "disk_smart_raw"
UNITS = {9: 1 / 3600, 241: 512 / 2**30, 242: 512 / 2**30}  # ours to those that were learnt: hours, GiB
