"""Questions about all servers at once: now, the worst of them, and side by side over a range."""

from __future__ import annotations

import msgspec
import numpy as np
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.base import LOOK
from core.clock import milliseconds
from core.errors import Failure
from metrics import names, seen, side
from metrics.api import AGGREGATES, HOUR, agg_of, answered, range_of, whole_of
from metrics.base import HOURS, MINUTES, TooMuch
from metrics.query import store
from metrics.ready import OF_ENTRY, ready

DAY = 24 * HOUR
OLD = 2 * DAY  # so long five minutes are kept by metric in any case
MOST_METRICS = 50
MOST_CELLS = 3_000_000  # servers times points of one answer
LONGEST_WINDOW = 90 * 86_400
MOST_PLACES = 1000
ONE_METRIC = OpenApiParameter(
    "metric", str, required=True,
    description="Of several label sets the worst counts; with labels, as disk_used_percent{mount=\"/\"}, that one.",
)  # fmt: skip


class FleetLatestView(APIView):
    """The newest values of chosen metrics for every server one may see, in columns."""

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "metrics",
                str,
                required=True,
                description="Names and commas; of several label sets the worst counts.",
            )
        ],
        responses=dict,
    )
    def get(self, request: Request) -> HttpResponse:
        columns = _columns(request.query_params.get("metrics", ""))
        servers = _servers(request)
        found = store.latest(list(servers), columns)
        age = np.where(found.received > 0, (milliseconds() - found.received) / 1000, np.nan)
        return answered(
            {
                "servers": list(servers.values()),
                "age": np.round(age, 1).tolist(),
                "columns": {column: found.values[:, place].tolist() for place, column in enumerate(columns)},
            }
        )


class FleetTopView(APIView):
    """The servers where a metric was worst over a while: highest, or lowest where less is worse.

    Counted in whole five minutes, over two days in whole hours.
    """

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(
        parameters=[
            ONE_METRIC,
            OpenApiParameter("window", int, description="Seconds up to now; default 3600."),
            OpenApiParameter("k", int, description="How many servers; default 10."),
            OpenApiParameter("agg", str, enum=AGGREGATES),
        ],
        responses=dict,
    )
    def get(self, request: Request) -> HttpResponse:
        column, agg = _column(request.query_params.get("metric", "")), agg_of(request.query_params.get("agg"))
        window = whole_of(request, "window", 3600, 1, LONGEST_WINDOW)
        k = whole_of(request, "k", 10, 1, MOST_PLACES)
        end = milliseconds()
        best = store.top(column, end - window * 1000, end, agg, seen.all_of(request.user))[:k]
        named = {pk: (str(uuid), name) for pk, uuid, name in seen.named(request.user, [one.server for one in best])}
        best = [one for one in best if one.server in named]  # one may have been removed this moment
        return answered(
            {
                "metric": column, "window": window, "agg": agg,
                "servers": [named[one.server][0] for one in best],
                "names": [named[one.server][1] for one in best],
                "labels": [dict(one.key[1]) for one in best],
                "values": [one.value for one in best],
            }
        )  # fmt: skip


class FleetRangeView(APIView):
    """One metric of every server side by side, a column each; null where nothing was measured.

    `step` says what was taken: whole five minutes, or hours where it begins before five minutes are kept by metric.
    """

    resource = "series"
    verbs = {"GET": LOOK}

    @extend_schema(
        parameters=[
            ONE_METRIC,
            OpenApiParameter("start", str, description="Unix seconds or ISO 8601; default a day before the end."),
            OpenApiParameter("end", str, description="Unix seconds or ISO 8601; default now."),
            OpenApiParameter("step", int, description="Seconds, in whole times 300; default 300."),
            OpenApiParameter("agg", str, enum=AGGREGATES),
        ],
        responses=dict,
    )
    def get(self, request: Request) -> HttpResponse:
        column, agg = _column(request.query_params.get("metric", "")), agg_of(request.query_params.get("agg"))
        start, end = range_of(request, DAY)
        step = _step(whole_of(request, "step", MINUTES, 1, LONGEST_WINDOW), MINUTES)
        if step % HOUR and start < milliseconds() - OLD:
            minutes, hours = store.fleet_first(MINUTES), store.fleet_first(HOURS)
            if minutes and hours and max(start, hours) < minutes:
                step = _step(step // 1000, HOURS)
        if start < end - DAY:
            first = store.fleet_first(MINUTES if step % HOUR else HOURS)
            start = max(start, min(end - DAY, end if first is None else first))
        servers = _servers(request)
        t = np.arange(start - start % step, end + 1, step)
        if len(t) * len(servers) > MOST_CELLS:
            raise TooMuch(f"That is more than {MOST_CELLS:,} values: ask for a shorter range or a longer step.")
        asked = side.Asked(column, agg, t, step, np.fromiter(servers, np.int64, len(servers)))
        return answered(
            {
                "metric": column, "agg": agg, "step": step // 1000, "t": (t / 1000).tolist(),
                "servers": list(servers.values()), "values": msgspec.Raw(side.text(store, asked)),
            }
        )  # fmt: skip


def _servers(request: Request) -> dict[int, str]:
    """Those one may see, by their numbers, and what they are called outside, which never changes."""
    numbers = seen.all_of(request.user)
    known: dict[int, str] = ready.get("uuids", 0) or {}
    if not known.keys() >= set(numbers):
        known = {**known, **{pk: str(uuid) for pk, uuid, _ in seen.named(request.user, numbers)}}
        ready.put("uuids", 0, known, OF_ENTRY * len(known))
    return {pk: known[pk] for pk in numbers if pk in known}


def _step(seconds: int, whole: int) -> int:
    """Milliseconds, in whole buckets of a tier."""
    return -(-seconds // whole) * whole * 1000


def _columns(text: str) -> list[str]:
    """Names separated by commas; those inside of labels part nothing."""
    found: list[str] = []
    for piece in text.split(","):
        if found and found[-1].count("{") > found[-1].count("}"):
            found[-1] += f",{piece}"
        else:
            found.append(piece.strip())
    asked = [column for column in found if column]
    if not 1 <= len(asked) <= MOST_METRICS:
        raise Failure("Name 1 to 50 metrics, such as metrics=cpu_used_percent,load1.", code="bad_metric")
    return [_column(column) for column in asked]


def _column(text: str) -> str:
    try:
        metric, labels = names.parse(text)
    except names.BadName as fault:
        raise Failure(f"{text[:100]!r} names no metric: {fault}.", code="bad_metric") from fault
    return metric + names.write(labels)
