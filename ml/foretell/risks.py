"""How likely a server is in a critical condition soon: by what runs out, what nears its line, and its disks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from metrics.base import MINUTES
from ml import breach, risk, shipped
from ml.foretell.reading import levels
from ml.foretell.running_out import Said
from ml.foretell.things import LINES
from ml.models import DiskRisk, Risk
from ml.models.forecasts import HORIZONS
from ml.risk import Evidence

Floats = NDArray[np.float64]
STEPS = 8 * 288  # of five minutes: a week, and the day before it
STEP = 300.0
FEWEST = 288
UP_TO_DATE = 6  # buckets within which there must be a value
FIELDS = ("state", "percent", "evidence", "at")


def near_lines(servers: Sequence[int], now: int) -> dict[int, list[Evidence]]:
    """Within the hour: each metric that is calm now, by how it moved in a week, and each that is over its line."""
    parts: dict[int, dict[str, Floats]] = defaultdict(dict)
    for metric in LINES:
        for found in levels(metric, servers, now, STEPS, MINUTES):
            if not found.key[1]:
                for server, column in zip(found.servers, found.values.T, strict=True):
                    parts[server][metric] = column.astype(np.float32)
    trees, _cut = shipped.breach()
    return {server: _near(trees, columns) for server, columns in parts.items()}


def _near(trees: Any, columns: dict[str, Floats]) -> list[Evidence]:
    known = [(metric, column) for metric, column in columns.items() if np.isfinite(column[-UP_TO_DATE:]).any()]
    known = [(metric, column) for metric, column in known if np.isfinite(column).sum() >= FEWEST]
    if not known:
        return []
    values = np.stack([_filled(column) for _, column in known], axis=1)
    values = values[np.isfinite(values).all(axis=1)]
    lines = np.array([LINES[metric] for metric, _ in known])
    usual = np.minimum(np.median(values, axis=0), 0.9 * lines)
    case = breach.cases(breach.scaled(values, lines, usual), STEP, slice(-1, None))
    chances = risk.prior(trees.chance(case.features[0].astype(np.float64)))
    found = []
    for place, (metric, _) in enumerate(known):
        value, line = float(values[-1, place]), float(lines[place])
        met = value >= line
        chance = 1.0 if met else float(chances[place])
        found.append(Evidence("over" if met else "near", metric, "", chance, value, line))
    return found


def _filled(column: Floats) -> Floats:
    known = np.isfinite(column)
    source = np.maximum.accumulate(np.where(known, np.arange(len(column)), 0))
    return np.asarray(column[source], np.float64)


def of_things(said: Iterable[Said], horizon: str) -> dict[int, list[Evidence]]:
    """What may run out within that time."""
    found: dict[int, list[Evidence]] = defaultdict(list)
    for one in said:
        chance = dict(one.outlook.chances).get(horizon, 0.0)
        if one.outlook.reason == "met":
            found[one.server].append(Evidence("met", one.metric, one.labels, 1.0, one.outlook.value, one.limit))
        elif one.outlook.state in {"predictable", "unclear"}:
            left = one.outlook.left
            found[one.server].append(Evidence("runs_out", one.metric, one.labels, chance, left, one.limit))
    return found


def of_disks(servers: Sequence[int]) -> dict[int, list[Evidence]]:
    found: dict[int, list[Evidence]] = defaultdict(list)
    for row in DiskRisk.objects.filter(server__in=servers).exclude(state="low"):
        chance = risk.DISKS[row.state]
        found[row.server_id].append(Evidence("disk", "", row.device, chance, row.score, None))
    return found


def judge(servers: Sequence[int], said: Sequence[Said], near: dict[int, list[Evidence]], now: int) -> list[Risk]:
    disks = of_disks(servers)
    rows = []
    for horizon in HORIZONS:
        things = of_things(said, horizon)
        for server in servers:
            evidence = [*things.get(server, []), *near.get(server, [])]
            if horizon == "two_weeks":
                evidence += disks.get(server, [])
            rows.append(_row(server, horizon, risk.together(evidence), now))
    return rows


def _row(server: int, horizon: str, judged: risk.Judged, now: int) -> Risk:
    shown = [one.shown() for one in judged.evidence]
    return Risk(server_id=server, horizon=horizon, state=judged.state, percent=judged.percent, evidence=shown, at=now)


@transaction.atomic
def keep(rows: Sequence[Risk]) -> None:
    Risk.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["server", "horizon"], update_fields=FIELDS, batch_size=500
    )
