"""Which series of a machine are learnt from: what it measures of itself and what moves; never what we made of it."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 200
OWN = ("anomaly_", "forecast_", "failure_risk", "check_", "agent_", "watchkeeper_")
NOT_USUAL = {
    # They only grow, are set by people or say what others say better.
    "uptime_seconds", "disk_powered_seconds", "disk_worn_percent", "users_logged_in", "updates_pending",
    "updates_security", "reboot_required", "clock_skew_seconds", "silent_seconds", "condition",
    "memory_total_bytes", "swap_total_bytes", "disk_total_bytes", "load5", "load15",
}  # fmt: skip
FLEETING = ("top_process_", "container_", "log_")  # names that come and go: what they add up to is measured beside


def chosen(columns: Iterable[str]) -> tuple[str, ...]:
    """In a fixed order whatever the layout's; plain series first, should there be too many."""
    fit = [column for column in columns if _fits(column)]
    fit.sort(key=lambda column: ("{" in column, column))
    return tuple(fit[:MOST])


def _fits(column: str) -> bool:
    return not column.startswith(OWN + FLEETING) and column.partition("{")[0] not in NOT_USUAL
