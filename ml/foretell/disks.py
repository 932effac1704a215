"""The risk class of every disk that tells its counters: by the shipped model or, with too few, by the rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from metrics.base import HOURS
from ml import disk_failure, shipped
from ml.disk_failure import ATTRIBUTES, ERRORS
from ml.foretell.reading import levels
from ml.foretell.things import RAW, SMART, UNITS
from ml.models import DiskRisk

Floats = NDArray[np.float64]
DAYS = 32
ENOUGH = 8  # attributes with which the model may be asked


def judge(servers: Sequence[int], now: int) -> list[DiskRisk]:
    """Of each server and device."""
    told: dict[tuple[int, str], dict[int, Floats]] = defaultdict(dict)
    named = {metric: number for number, metric in SMART.items()}
    for metric in [*named, RAW]:
        for found in levels(metric, servers, now, DAYS * 24, HOURS):
            labels = dict(found.key[1])
            number = named.get(metric) or _number(labels.get("attribute", ""))
            for server, column in zip(found.servers, found.values.T, strict=True):
                told[server, labels.get("device", "")][number] = _daily(column) * UNITS.get(number, 1.0)
    disks = {disk: found for disk, found in told.items() if any(number in found for number in ERRORS)}
    return [_row(server, device, found, now) for (server, device), found in disks.items()]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 else 0


def _daily(hourly: Floats) -> Floats:
    """The last value of each day up to now."""
    known = np.isfinite(hourly)
    source = np.maximum.accumulate(np.where(known, np.arange(len(hourly)), 0))
    return np.asarray(hourly[source][::-1][::24][::-1])


def _row(server: int, device: str, told: dict[int, Floats], now: int) -> DiskRisk:
    days = np.arange(DAYS)
    values = np.stack([told.get(number, np.full(DAYS, np.nan)) for number in ATTRIBUTES], axis=1)
    known = np.isfinite(values[:, : len(ERRORS)]).any(axis=1)
    values, days = values[known], days[known]
    by_model = len(told.keys() & set(ATTRIBUTES)) >= ENOUGH and "disk" in shipped.book()
    if by_model:
        first = np.zeros(len(days), np.int64)
        scores, states = shipped.disk().judge(disk_failure.features(days, values, first), first)
        score, state = float(scores[-1]), states[-1]
    else:
        state = disk_failure.rule(values[-1:, : len(ERRORS)])[0]
        score = float(np.nansum(values[-1, : len(ERRORS)]))
    evidence = [
        [SMART.get(number, RAW), float(values[-1, place]), float(np.nan_to_num(values[-1, place] - values[0, place]))]
        for place, number in enumerate(ERRORS)
        if values[-1, place] > 0
    ]
    by = "model" if by_model else "rule"
    return DiskRisk(server_id=server, device=device, state=state, score=score, evidence=evidence, by=by, at=now)


@transaction.atomic
def keep(rows: Sequence[DiskRisk], servers: Sequence[int], now: int) -> None:
    DiskRisk.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["server", "device"],
        update_fields=["state", "score", "evidence", "by", "at"], batch_size=500,
    )  # fmt: skip
    DiskRisk.objects.filter(server__in=servers, at__lt=now - 7 * 86_400_000).delete()
