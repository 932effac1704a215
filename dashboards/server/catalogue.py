"""Everything one server tells, in sections a person would look under: what a chart can be made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from metrics.store import SERIES, spoken

Shown = dict[str, Any]
Key = tuple[str, tuple[tuple[str, str], ...]]
MOST_SETS = 1000
PLACE = {metric: place for place, metric in enumerate(SERIES)}

# By the beginning of a metric's name; the first that fits counts.
BEGINNINGS = (
    ("cpu_", "cpu"), ("load", "cpu"), ("pressure_", "cpu"),
    ("memory_", "memory"), ("swap_", "memory"),
    ("disk_", "disks"),
    ("net_", "network"), ("tcp_", "network"),
    ("container", "containers"),
    ("top_process", "processes"), ("process", "processes"), ("threads", "processes"),
    ("temperature", "heat"),
    ("services_", "services"), ("unit_", "services"),
    ("updates_", "updates"), ("reboot_", "updates"),
    ("check_", "checks"),
    ("agent_", "agent"), ("clock_", "agent"),
    ("anomaly_", "learned"), ("forecast_", "learned"), ("failure_risk_", "learned"),
    ("uptime_", "host"), ("users_", "host"),
)  # fmt: skip


def titles() -> dict[str, str]:
    """Sections in the order in which they are shown."""
    return {
        "cpu": _("Processor"), "memory": _("Memory"), "disks": _("Disks"), "network": _("Network"),
        "processes": _("Processes"), "containers": _("Containers"), "services": _("Services"),
        "heat": _("Temperature"), "checks": _("Checks"), "updates": _("Updates"), "learned": _("What was learned"),
        "host": _("Machine"), "own": _("Your own"), "agent": _("Agent"),
    }  # fmt: skip


def section_of(metric: str) -> str:
    known = metric in SERIES
    return next((section for start, section in BEGINNINGS if metric.startswith(start) and known), "own")


def sections(told: Iterable[Key]) -> list[Shown]:
    """Each metric with the label sets it has here; what nobody described is a person's own."""
    by_metric: dict[str, list[dict[str, str]]] = {}
    for metric, labels in told:
        by_metric.setdefault(metric, []).append(dict(labels))
    found: dict[str, list[Shown]] = {}
    for metric, sets in sorted(by_metric.items(), key=lambda one: (PLACE.get(one[0], len(PLACE)), one[0])):
        found.setdefault(section_of(metric), []).append(_chart(metric, sets))
    return [
        {"id": name, "title": title, "series": sum(one["count"] for one in found[name]), "charts": found[name]}
        for name, title in titles().items()
        if name in found
    ]


def _chart(metric: str, sets: list[dict[str, str]]) -> Shown:
    described = SERIES.get(metric)
    return {
        "metric": metric,
        "title": spoken(metric),
        "meaning": described.meaning if described else "",
        "count": len(sets),
        "sets": sorted(({"labels": one, "name": name_of(one)} for one in sets), key=_order)[:MOST_SETS],
    }


def name_of(labels: Mapping[str, str]) -> str:
    return ", ".join(value for _key, value in sorted(labels.items()))


def _order(one: Shown) -> tuple[int, int, str]:
    """Numbers by size: core 10 comes after core 9."""
    name = one["name"]
    return (0, int(name), "") if name.isdecimal() and len(name) < 9 else (1, 0, name)
