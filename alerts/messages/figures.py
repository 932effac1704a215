"""How a server was at a moment: CPU, memory, disk, swap, load, how bad each is, and its hungriest processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from alerts.channels.message import Line
from alerts.messages.plain import word
from alerts.models import Alert
from metrics.store import SERIES, number, quantity, query, shown
from servers.models import FactSheet

LOOK_BACK = 5 * 60_000
PROCESSES = 5
CPU, MEMORY, SWAP, DISK = "cpu_used_percent", "memory_used_percent", "swap_used_percent", "disk_used_percent"
LOADS = ("load1", "load5", "load15")
BUSY, HUNGRY = "top_process_cpu_percent", "top_process_memory_bytes"
READ = [
    CPU, MEMORY, "memory_used_bytes", "memory_total_bytes", SWAP, "swap_used_bytes", "swap_total_bytes", DISK,
    "disk_used_bytes", "disk_total_bytes", *LOADS, BUSY, HUNGRY,
]  # fmt: skip

Values = dict[str, dict[str, float]]  # metric: mount or process (or nothing): value


def newest(server: int, at: int) -> Values:
    """The last value of each series in the minutes before; a silent server tells what it told before its silence."""
    found: Values = {}
    for one in query.series(server, READ, query.Range(at - LOOK_BACK, at))["series"]:
        known = [value for value in one["v"] if not np.isnan(value)]
        if known:
            where = one["labels"].get("mount") or one["labels"].get("process") or ""
            found.setdefault(one["metric"], {})[where] = known[-1]
    return found


def last(alert: Alert, at: int) -> float | None:
    """The newest value of what an alert is about; nothing where none came in the minutes before."""
    found = query.series(alert.server_id, [alert.series.metric], query.Range(at - LOOK_BACK, at))["series"]
    same = next((one["v"] for one in found if one["labels"] == alert.labels), ())
    known = [value for value in same if not np.isnan(value)]
    return float(known[-1]) if known else None


def lines(values: Values, server: int, mount: str = "") -> list[Line]:
    """Five lines in the order people look: those that were not measured are left out."""
    made = [
        _plain(values, CPU, "CPU"),
        _sized(values, MEMORY, _("Memory"), ("memory_used_bytes", "memory_total_bytes")),
        *_disks(values, mount),
        _sized(values, SWAP, _("Swap"), ("swap_used_bytes", "swap_total_bytes")),
        _load(values, server),
    ]
    return [one for one in made if one is not None]


def processes(values: Values) -> list[Line]:
    """By processor, then by memory: whoever is high in one of them."""
    busy, hungry = values.get(BUSY, {}), values.get(HUNGRY, {})
    names = list(dict.fromkeys([*_ranked(busy)[:3], *_ranked(hungry)]))[:PROCESSES]
    return [Line(word(name, 40), _takes(busy.get(name), hungry.get(name))) for name in names]


def level(metric: str, value: float) -> str:
    """How bad a value is by what is suggested for its metric."""
    known = SERIES.get(metric)
    if known is None or known.good == "neither" or known.warn is None:
        return ""
    for name, limit in (("critical", known.critical), ("warn", known.warn)):
        if limit is not None and (value <= limit if known.good == "high" else value >= limit):
            return name
    return "ok"


def _plain(values: Values, metric: str, label: str) -> Line | None:
    value = values.get(metric, {}).get("")
    return None if value is None else Line(label, shown(metric, value), level(metric, value))


def _sized(values: Values, metric: str, label: str, sizes: tuple[str, str], where: str = "") -> Line | None:
    used, total = (values.get(size, {}).get(where) for size in sizes)
    if metric == SWAP and total == 0:
        return Line(label, _("none"), "")
    value = values.get(metric, {}).get(where)
    if value is None:
        return None
    text = shown(metric, value)
    if used is not None and total:
        said = {"share": text, "used": quantity("_bytes", used), "total": quantity("_bytes", total)}
        text = _("%(share)s (%(used)s of %(total)s)") % said
    return Line(label, text, level(metric, value))


def _disks(values: Values, mount: str) -> Iterable[Line | None]:
    """The one that it is about, and the fullest."""
    shares = values.get(DISK, {})
    shown = [mount] if mount in shares else []
    fullest = max(shares, key=lambda one: shares[one], default="")
    for where in dict.fromkeys([*shown, *([fullest] if shares else [])]):
        label = _("Disk %(mount)s") % {"mount": word(where, 30)}
        yield _sized(values, DISK, label.strip(), ("disk_used_bytes", "disk_total_bytes"), where)


def _load(values: Values, server: int) -> Line | None:
    loads = [values.get(metric, {}).get("") for metric in LOADS]
    if loads[0] is None:
        return None
    text = " / ".join(number(load, 3) for load in loads if load is not None)
    cores = _cores(server)
    if not cores:
        return Line(_("Load"), text)
    per = loads[0] / cores
    rank = "critical" if per >= 4 else "warn" if per >= 1.5 else "ok"
    return Line(_("Load"), _("%(load)s on %(cores)d cores") % {"load": text, "cores": cores}, rank)


def _cores(server: int) -> int:
    document: Mapping[str, Any] = (
        FactSheet.objects.filter(server=server).values_list("document", flat=True).first() or {}
    )
    section = document.get("cpu")
    found = section.get("threads") or section.get("cores") if isinstance(section, Mapping) else None
    return found if isinstance(found, int) else 0


def _ranked(found: Mapping[str, float]) -> list[str]:
    return sorted((name for name in found if found[name] > 0), key=lambda name: -found[name])


def _takes(busy: float | None, hungry: float | None) -> str:
    parts = []
    if busy is not None:
        parts.append(_("%(share)s of a core") % {"share": quantity(BUSY, busy)})
    if hungry is not None:
        parts.append(quantity(HUNGRY, hungry))
    return ", ".join(parts)
