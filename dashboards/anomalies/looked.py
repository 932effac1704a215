"""What the page about the unusual shows: who is unusual now and why, the last day as a strip, and past episodes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from core.clock import milliseconds
from dashboards.anomalies.cause import cause
from dashboards.fleet.history import MINUTES, STEP, Fleet
from metrics.store import parse, query, shown, spoken
from ml.models import Episode, Watch
from ml.services import said, usual
from servers.models import Server

Shown = dict[str, Any]
DAYS = 7
MOST_NOW, MOST_PAST, CAUSES = 30, 60, 12
RATE, SCORE = "anomaly_rate_percent", "anomaly_score"
CELL = 900_000  # a quarter of an hour
CELLS = 96
SHADES = (1.0, 2.0, 5.0, 10.0, 20.0)  # per cent of series


def stages(user: User) -> Shown:
    """How far the servers that one may see are learnt."""
    rows = Server.objects.visible_to(user)
    every = dict(rows.values_list("pk", "paused"))
    watches = {watch.server_id: watch.stage for watch in Watch.objects.visible_to(user).defer("maxima")}
    active = [pk for pk, paused in every.items() if not paused]
    words = [watches.get(pk, "waiting") for pk in active]
    return {
        "servers": len(every), "paused": len(every) - len(active), "waiting": words.count("waiting"),
        "learning": words.count("learning"), "full": words.count("full"),
    }  # fmt: skip


def verdict(found: Shown, unusual: int) -> str:
    """The page in one sentence."""
    if not found["servers"]:
        return _("No server yet. What is usual is learnt by itself as soon as one reports.")
    if unusual:
        text = ngettext(
            "%(n)d server of %(all)d is unusual now.", "%(n)d servers of %(all)d are unusual now.", unusual
        )
        return text % {"n": unusual, "all": found["servers"]}
    if found["full"] or found["learning"]:
        return _("Nothing is unusual now.")
    if found["servers"] == found["paused"]:
        return _("All servers are paused: nothing is judged.")
    return _("Nothing is learnt yet: it takes a quarter of an hour of samples.")


def going_on(user: User, at: datetime) -> list[Shown]:
    """Episodes that are open, the strangest first, with what they began with."""
    rows = Episode.objects.visible_to(user).open().filter(server__paused=False).select_related("server")
    listed = list(rows.order_by("-peak")[:MOST_NOW])
    rates = _now([row.server_id for row in listed])
    return [
        _episode(row, user, at, why=place < CAUSES, now=rates.get(row.server_id)) for place, row in enumerate(listed)
    ]


def past(user: User, at: datetime, server: Server | None = None) -> list[Shown]:
    rows = Episode.objects.visible_to(user).filter(ended_at__gte=at - timedelta(days=DAYS))
    if server is not None:
        rows = rows.filter(server=server)
    rows = rows.select_related("server", "answered_by").order_by("-began_at")
    return [_episode(row, user, at, why=False) for row in rows[:MOST_PAST]]


def _episode(row: Episode, user: User, at: datetime, *, why: bool, now: tuple[float, float] | None = None) -> Shown:
    began_with = cause(user, row.server, row.began_at) if why and not row.silent else ""
    top = [] if row.silent else row.top
    end = row.ended_at or at
    return {
        "id": str(row.uuid), "server": row.server, "began": row.began_at, "ended": row.ended_at,
        "lasted": (end - row.began_at).total_seconds(), "peak": row.peak,
        "score": now[0] if now else None, "rate": now[1] if now else None,
        "sentence": said.sentence(top, at=row.began_at, cause=began_with, hourly=usual.hourly(row.server_id)),
        "top": [_part(one) for one in top[:5]], "answer": row.answer, "by": row.answered_by,
        "asks": row.asked_at is not None and not row.answer and row.ended_at is None, "silent": row.silent,
    }  # fmt: skip


def _part(one: dict[str, Any]) -> Shown:
    column = str(one.get("column", ""))
    try:
        metric, labels = parse(column)
    except ValueError:
        metric, labels = column, ()
    value, low, high = one.get("value"), one.get("low"), one.get("high")
    between = "" if low is None or high is None else _("%(low)s to %(high)s") % {
        "low": shown(metric, max(low, 0.0)), "high": shown(metric, high),
    }  # fmt: skip
    return {
        "name": spoken(metric, dict(labels)), "share": round(100 * float(one.get("share") or 0)),
        "value": "" if value is None else shown(metric, value), "usual": between,
    }  # fmt: skip


def _now(servers: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Score and rate of a server as they were told last."""
    at = milliseconds()
    found = {}
    for server in servers:
        answer = query.series(server, [SCORE, RATE], query.Range(at - 300_000, at, None))
        last = {one["metric"]: [v for v in one["v"] if v == v][-1:] for one in answer["series"]}  # noqa: PLR0124
        if last.get(SCORE):
            found[server] = (last[SCORE][0], (last.get(RATE) or [0.0])[0])
    return found


def strip(user: User) -> Shown:
    """A day in quarters of an hour: which share of all series was unusual, and on how many servers."""
    fleet, now = Fleet.of(user), milliseconds()
    end = now - now % CELL + CELL - 1
    start = end + 1 - CELL * CELLS
    rates, scores = (_quarters(fleet.table(metric, start, min(end, now), MINUTES)) for metric in (RATE, SCORE))
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(rates)
        mean = np.where(known.any(axis=1), np.nansum(rates, axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)
        servers = (np.nan_to_num(scores) >= 1).sum(axis=1)
    cells = [_cell(start + place * CELL, place, mean[place], int(servers[place])) for place in range(CELLS)]
    return {
        "hours": [_hour(cells[place : place + 4]) for place in range(0, CELLS, 4)],
        "known": bool(np.isfinite(mean).any()),
        "most": float(np.nanmax(mean)) if np.isfinite(mean).any() else None,
    }


def _quarters(table: Any) -> Any:
    """Buckets of five minutes as quarters: the worst of each."""
    rows = CELL // STEP
    whole = np.full((CELLS * rows, table.shape[1]), np.nan)
    whole[: min(len(table), len(whole))] = table[: len(whole)]
    if not table.shape[1]:
        return np.full((CELLS, 0), np.nan)
    return np.fmax.reduce(whole.reshape(CELLS, rows, -1), axis=1)


def _cell(at: int, place: int, rate: float, servers: int) -> Shown:
    known = rate == rate  # noqa: PLR0124 - NaN
    shade = sum(rate >= edge for edge in SHADES) if known else "n"
    return {"at": at // 1000, "x": place * 10, "rate": float(rate) if known else None, "servers": servers,
            "shade": shade}  # fmt: skip


def _hour(cells: list[Shown]) -> Shown:
    """Four cells, and what is said of them together."""
    local = timezone.localtime(datetime.fromtimestamp(cells[0]["at"], timezone.get_current_timezone()))
    rates = [cell["rate"] for cell in cells if cell["rate"] is not None]
    servers = max(cell["servers"] for cell in cells)
    time = date_format(local, "D H:i")
    text = _("%(time)s: not judged") % {"time": time}
    if rates:
        text = ngettext(
            "%(time)s: up to %(rate)s of series unusual, %(n)d server",
            "%(time)s: up to %(rate)s of series unusual, %(n)d servers",
            servers,
        ) % {"time": time, "rate": shown(RATE, max(rates)), "n": servers}
    return {
        "at": cells[0]["at"], "cells": cells, "text": text, "label": date_format(local, "H:i"), "x": cells[0]["x"],
    }  # fmt: skip
