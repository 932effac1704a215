"""When checks from outside failed, and when nobody looked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accounts.base import REPORT
from checks.models import Check
from metrics.base import HOURS, MINUTES, RAW, Line
from metrics.store import parse
from reports.engine import silence
from reports.engine.spans import Spans, joined
from reports.kinds.base import Asked
from reports.reach import Reader
from reports.scope import DAY, Machine

MOST = 2000
GRACE = 60_000


@dataclass(frozen=True, slots=True)
class Looked:
    """A check in one time: `machine` carries the words by which planned times are meant."""

    check: Check
    machine: Machine
    bad: Spans
    blind: Spans


def checks(asked: Asked, team: int | None, reader: Reader) -> Iterator[Looked]:
    """Those of the servers that the report is about, and those that stand alone where it is about everything."""
    rows = Check.objects.all() if asked.user is None else Check.objects.visible_to(asked.user, REPORT)
    if team is not None:
        rows = rows.filter(team=team)
    named = asked.scope.living
    for check in rows.filter(created_at__lt=asked.end).select_related("server").order_by("name", "pk")[:MOST]:
        if check.server_id not in named and not (check.alone and asked.whole):
            continue
        machine = named.get(check.server_id) or _alone(check)
        begin = max(reader.start, round(check.created_at.timestamp() * 1000))
        if begin < reader.end:
            yield Looked(check, machine, *_of(check, reader, begin))


def _alone(check: Check) -> Machine:
    row = check.server
    began = round(check.created_at.timestamp() * 1000)
    return Machine(str(row.uuid), check.name, check.team_id, row.words(), began, number=row.pk)


def _of(check: Check, reader: Reader, begin: int) -> tuple[Spans, Spans]:
    most = 3000 * check.interval + GRACE
    raw, fine = reader.oldest(RAW), reader.oldest(MINUTES)
    if raw is not None and begin >= raw and reader.end - begin <= 15 * DAY:
        line = _line(check, reader, begin - most, RAW)
        return silence.failing(line.t, line.mean, (begin, reader.end), most) if line else ([], [(begin, reader.end)])
    tier = MINUTES if fine is not None and begin >= fine and reader.end - begin <= 100 * DAY else HOURS
    line = _line(check, reader, begin, tier)
    return (
        _buckets(line, max(tier * 1000, 1000 * check.interval), (begin, reader.end))
        if line
        else ([], [(begin, reader.end)])
    )


def _line(check: Check, reader: Reader, begin: int, tier: int) -> Line | None:
    wanted = parse(check.column("check_up"))
    named = [
        one for one in reader.store.series(check.server_id, ["check_up"], begin, reader.end) if one.key == wanted
    ]
    found = reader.store.range(check.server_id, named, begin, reader.end, tier) if named else {}
    line = next(iter(found.values()), None)
    return line if line is not None and len(line.t) else None


def _buckets(line: Line, step: int, within: tuple[int, int]) -> tuple[Spans, Spans]:
    """Of a bucket the share that failed is known, and not when: it is laid at its end."""
    start, end = within
    failed = np.rint((1.0 - np.clip(line.mean, 0.0, 1.0)) * step).astype(np.int64)
    bad = [
        (max(start, int(t) + step - int(part)), min(end, int(t) + step))
        for t, part in zip(line.t.tolist(), failed.tolist(), strict=True) if part
    ]  # fmt: skip
    times, values = np.asarray(line.t), np.ones(len(line.t))
    return joined(bad), silence.failing(times, values, within, step)[1]
