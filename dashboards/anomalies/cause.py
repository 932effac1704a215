"""What a time of unusual numbers began with: a change, an event, or a process that came up just then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from dashboards.server import ledger
from metrics.store import query, shown
from servers.models import Server

BEFORE, AFTER = 600_000, 120_000
PROCESS = "top_process_cpu_percent"
AGO, UNTIL = 900_000, 300_000
KEEP, MOST_KEPT = 300.0, 500
LEAST = 20.0  # per cent of a core that a process must have risen by


@dataclass(frozen=True, slots=True)
class _Asked:
    user: int
    server: int
    began: datetime
    language: str


_kept: dict[_Asked, tuple[float, str]] = {}


def lately(user: User, server: Server, began: datetime) -> str:
    """The same, kept for some minutes: it lies in the past, and a page asks it of many servers."""
    key, at = _Asked(user.pk, server.pk, began, get_language() or ""), time.monotonic()
    held = _kept.get(key)
    if held is None or at - held[0] > KEEP:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        held = _kept[key] = (at, cause(user, server, began))
    return held[1]


def cause(user: User, server: Server, began: datetime) -> str:
    """The last thing that changed before it began, else the process that rose most; empty where nothing did."""
    at = round(began.timestamp() * 1000)
    marks = [mark for mark in ledger.marks(user, server, at - BEFORE, at + AFTER) if mark["kind"] != "enrolled"]
    if marks:
        return str(min(marks, key=lambda mark: abs(float(mark["at"]) * 1000 - at))["text"])
    return _process(server, at)


def _process(server: Server, at: int) -> str:
    found = query.series(server.pk, [PROCESS], query.Range(at - AGO, at + UNTIL, 20))
    after = np.array(found["t"]) * 1000 >= at - 60_000
    best, most = "", LEAST
    for one in found["series"]:
        values = np.array(one["v"], np.float64)
        before, now = _usually(values[~after]), _usually(values[after])
        if now - before > most:
            best = _("process %(name)s at %(share)s of a core") % {
                "name": one["labels"].get("process", "?"), "share": shown(PROCESS, now),
            }  # fmt: skip
            most = now - before
    return best


def _usually(values: Any) -> float:
    """What was not among the top ones used little."""
    return float(np.median(np.nan_to_num(values))) if len(values) else 0.0
