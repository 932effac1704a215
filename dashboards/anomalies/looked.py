"""What the page about the unusual shows: who is unusual now and why, the last day as a strip, and past episodes."""

from __future__ import annotations

from collections import Counter
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
from dashboards.anomalies.cause import lately
from dashboards.anomalies.seen import Seen
from dashboards.fleet.history import MINUTES, STEP, Fleet
from dashboards.lately import Lately
from metrics.store import latest, parse, shown, spoken
from ml.models import Episode, Watch
from ml.services import lastweek, said, usual
from servers.models import Server
from servers.services import watch

Shown = dict[str, Any]
DAYS = 7
MOST_NOW, MOST_PAST, CAUSES = 30, 60, 12
FIRST_NOW, FIRST_PAST = 6, 8  # until somebody asks for all
RATE, SCORE = "anomaly_rate_percent", "anomaly_score"
LATELY = 300_000
CELL = 900_000  # a quarter of an hour
CELLS = 96
HOUR = 3_600_000
SHADES = (1.0, 2.0, 5.0, 10.0, 20.0)  # per cent of series
measured: Lately[tuple[Any, Any, Any]] = Lately(60.0)  # many open one page, and buckets are of five minutes
LIMITS = ((1.0, 3), (2.0, 4), (4.0, 5))  # a score over the limit is never shown as calm


def stages(user: User, seen: Seen) -> Shown:
    """How far the servers that one may see are learnt, and how each that is not paused stands now: as one thing."""
    every, active = len(seen.servers), seen.active
    light = Watch.objects.visible_to(user).values_list("server_id", "version_id", "full_at", "score", "at")
    watches = {pk: (Watch.stage_of(version, full), score, at) for pk, version, full, score, at in light.iterator()}
    words = {pk: watches[pk][0] if pk in watches else "waiting" for pk in active}
    counted = Counter(words.values())
    silent = {pk for pk, interval in active.items() if _silent(pk, interval)}
    awake = {pk: word for pk, word in words.items() if pk not in silent}
    learning = _young({pk: watches[pk][1:] for pk, word in awake.items() if word == "learning"})
    full = _scores([pk for pk, word in awake.items() if word == "full"])
    high = [pk for pk, score in learning.items() if score >= 1]
    near = [pk for pk, score in full.items() if score >= Watch.WORDED]
    standing = Counter(awake.values())
    return {
        "judged": len(learning) + len(full), "models": counted["learning"] + counted["full"],
        "high": _named(user, high), "near": _named(user, near), "usual": len(full) - len(near),
        "silent": len(silent), "young": standing["learning"], "new": standing["waiting"],
        "unjudged": standing["full"] - len(full),
        "servers": every, "paused": every - len(active), "waiting": counted["waiting"],
        "learning": counted["learning"], "full": counted["full"],
    }  # fmt: skip


def _silent(server: int, interval: int) -> bool:
    newest = latest.get(server)
    mark = (newest.received, newest.at) if newest else None
    return watch.state(server, mark, interval, paused=False)[0] == "down"


def _named(user: User, servers: list[int]) -> list[Server]:
    return list(Server.objects.visible_to(user).filter(pk__in=servers).order_by("name")) if servers else []


def _young(told: dict[int, tuple[float | None, int]]) -> dict[int, float]:
    """Scores of the last minutes; who has none is not judged now, which is not the same as calm."""
    since = milliseconds() - LATELY
    return {pk: score for pk, (score, at) in told.items() if score is not None and at >= since}


def verdict(found: Shown, unusual: int) -> str:
    """The page in one sentence."""
    if not found["servers"]:
        return _("No server yet. What is usual is learnt by itself as soon as one reports.")
    if unusual:
        text = ngettext(
            "%(n)d server of %(all)d is unusual now.", "%(n)d servers of %(all)d are unusual now.", unusual
        )
        return text % {"n": unusual, "all": found["servers"]}
    if found["models"]:
        return _calm(found)
    if found["servers"] == found["paused"]:
        return _("All servers are paused: nothing is judged.")
    return _("Nothing is learnt yet: it takes a quarter of an hour of samples.")


def _calm(found: Shown) -> str:
    """Nothing alerts: nobody was judged, what is still learnt looks strange, or so many are as usual."""
    if not found["judged"]:
        return _("No server is being judged at the moment.")
    if found["high"]:
        text = ngettext(
            "%(n)d server that is still being learnt looks unusual.",
            "%(n)d servers that are still being learnt look unusual.",
            len(found["high"]),
        )
        return text % {"n": len(found["high"])}
    if found["usual"] == (every := found["servers"] - found["paused"]):
        return _("Nothing is unusual now.")
    text = ngettext(
        "%(n)d of %(all)d servers behaves as usual; %(others)s.",
        "%(n)d of %(all)d servers behave as usual; %(others)s.",
        found["usual"],
    )
    return text % {"n": found["usual"], "all": every, "others": ", ".join(_others(found))}


def _others(found: Shown) -> list[str]:
    """Of whom it cannot be said that they are as usual, and why; each server once."""
    texts = {
        "silent": ngettext("%(n)d does not report", "%(n)d do not report", found["silent"]),
        "young": ngettext("%(n)d is still being learnt", "%(n)d are still being learnt", found["young"]),
        "new": ngettext("%(n)d has too few samples", "%(n)d have too few samples", found["new"]),
        "unjudged": ngettext(
            "%(n)d is not judged at the moment", "%(n)d are not judged at the moment", found["unjudged"]
        ),
    }
    told = [text % {"n": found[word]} for word, text in texts.items() if found[word]]
    if near := len(found["near"]):
        text = ngettext(
            "%(n)d is somewhat unusual but below its limit", "%(n)d are somewhat unusual but below their limits", near
        )
        told.insert(0, text % {"n": near})
    return told


def unusual(user: User) -> int:
    """How many servers are unusual now."""
    return Episode.objects.visible_to(user).open().filter(server__paused=False).count()


def going_on(user: User, at: datetime, most: int = MOST_NOW) -> list[Shown]:
    """Episodes that are open, the strangest first, with what they began with."""
    rows = Episode.objects.visible_to(user).open().filter(server__paused=False).select_related("server")
    listed = list(rows.order_by("-peak")[:most])
    servers = [row.server_id for row in listed]
    rates, hourly = _now(servers), usual.hourly(servers)
    return [
        _episode(row, user, at, hourly=row.server_id in hourly, why=place < CAUSES, now=rates.get(row.server_id))
        for place, row in enumerate(listed)
    ]


def past(user: User, at: datetime, server: Server | None = None, most: int = MOST_PAST) -> list[Shown]:
    rows = Episode.objects.visible_to(user).filter(ended_at__gte=at - timedelta(days=DAYS))
    if server is not None:
        rows = rows.filter(server=server)
    listed = list(rows.select_related("server", "answered_by").order_by("-began_at")[:most])
    hourly = usual.hourly([row.server_id for row in listed])
    return [_episode(row, user, at, hourly=row.server_id in hourly) for row in listed]


def _episode(
    row: Episode, user: User, at: datetime, *, hourly: bool, why: bool = False,
    now: tuple[float, float] | None = None,
) -> Shown:  # fmt: skip
    began_with = lately(user, row.server, row.began_at) if why and not row.silent else ""
    top = [] if row.silent else row.top
    end = row.ended_at or at
    return {
        "id": str(row.uuid), "server": row.server, "began": row.began_at, "ended": row.ended_at,
        "lasted": (end - row.began_at).total_seconds(), "peak": row.peak,
        "score": now[0] if now else None, "rate": now[1] if now else None,
        "sentence": said.sentence(top, at=row.began_at, cause=began_with, hourly=hourly),
        "top": [] if row.ended_at else [_part(one) for one in top[:5]],  # of what is over the sentence is enough
        "answer": row.answer, "by": row.answered_by,
        "asks": row.asked_at is not None and not row.answer and row.ended_at is None, "silent": row.silent,
    }  # fmt: skip


def _part(one: dict[str, Any]) -> Shown:
    column = str(one.get("column", ""))
    try:
        metric, labels = parse(column)
    except ValueError:
        metric, labels = column, ()
    value, low, high = said.worded(one)
    between = _("%(low)s to %(high)s") % {"low": low, "high": high} if low and high else ""
    return {
        "name": spoken(metric, dict(labels)), "share": round(100 * float(one.get("share") or 0)),
        "value": value, "usual": between,
    }  # fmt: skip


def _now(servers: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Score and rate of a server as they were told last."""
    rates = {server: latest.own_value(server, RATE) for server in servers}
    scores = _scores(servers).items()
    return {server: (score, rate[1] if (rate := rates[server]) else 0.0) for server, score in scores}


def _scores(servers: Sequence[int]) -> dict[int, float]:
    """Of those that were judged in the last minutes."""
    since = milliseconds() - LATELY
    told = ((server, latest.own_value(server, SCORE)) for server in servers)
    return {server: score[1] for server, score in told if score is not None and score[0] >= since}


def strip(user: User, fleet: Fleet) -> Shown:
    """A day in quarters of an hour: which share of all series was unusual, and on how many servers."""
    now = milliseconds()
    end = now - now % CELL + CELL - 1
    start = end + 1 - CELL * CELLS
    mean, judged, scores = measured((fleet.ids.tobytes(), start), lambda: _measured(fleet, start, min(end, now)))
    peaks = _over(user, scores.copy(), fleet.ids, start)  # what is kept stays as it is
    servers, highest = (peaks >= 1).sum(axis=1), peaks.max(axis=1, initial=0.0)
    cells = [
        _cell(
            start + place * CELL, place, mean[place], int(servers[place]), float(highest[place]), bool(judged[place])
        )
        for place in range(CELLS)
    ]
    return {
        "hours": [_hour(cells[place : place + 4]) for place in range(0, CELLS, 4)],
        "known": any(cell["shade"] != "n" for cell in cells),
        "most": float(np.nanmax(mean)) if np.isfinite(mean).any() else None,
    }


def _measured(fleet: Fleet, start: int, end: int) -> tuple[Any, Any, Any]:
    """Of each quarter the mean rate and whether anything was judged; and the scores of each server."""
    rates, scores = (_quarters(fleet.table(metric, start, end, MINUTES)) for metric in (RATE, SCORE))
    scores = _with_past(scores, fleet.ids, start)
    known = ~np.isnan(rates)
    count = known.sum(axis=1)
    mean = np.where(count > 0, np.nansum(rates, axis=1) / np.maximum(count, 1), np.nan)
    return mean, (count > 0) | np.isfinite(scores).any(axis=1), np.nan_to_num(scores)


def _with_past(scores: Any, ids: Any, start: int) -> Any:
    """Where no score was told yet, that of its hour in the past that was learnt: what the slider counts, too."""
    first = start // HOUR
    of_cell = (start + CELL * np.arange(CELLS)) // HOUR - first
    past = lastweek.scores(ids.tolist(), first, int(of_cell[-1]) + 1)
    for place, server in enumerate(ids.tolist()):
        if server in past:
            told = scores[:, place]
            scores[:, place] = np.where(np.isnan(told), past[server][of_cell], told)
    return scores


def _over(user: User, scores: Any, ids: Any, start: int) -> Any:
    """Scores by quarter and server, at least 1 in each quarter that an episode reached into: the list says so too."""
    since = datetime.fromtimestamp(start / 1000, timezone.get_current_timezone())
    rows = Episode.objects.visible_to(user).exclude(ended_at__lt=since)
    for server, began, ended in rows.values_list("server_id", "began_at", "last_at"):
        column = int(np.searchsorted(ids, server))
        if column < len(ids) and ids[column] == server:
            first, last = (int((moment.timestamp() * 1000 - start) // CELL) for moment in (began, ended))
            within = scores[max(first, 0) : max(last + 1, 0), column]
            np.maximum(within, 1.0, out=within)
    return scores


def _quarters(table: Any) -> Any:
    """Buckets of five minutes as quarters: the worst of each."""
    rows = CELL // STEP
    whole = np.full((CELLS * rows, table.shape[1]), np.nan)
    whole[: min(len(table), len(whole))] = table[: len(whole)]
    if not table.shape[1]:
        return np.full((CELLS, 0), np.nan)
    return np.fmax.reduce(whole.reshape(CELLS, rows, -1), axis=1)


def _cell(at: int, place: int, rate: float, servers: int, score: float, judged: bool) -> Shown:
    """Its colour follows the share of series or the highest score, whichever is worse."""
    known = bool(np.isfinite(rate))
    shade = max([sum(rate >= edge for edge in SHADES)] + [step for limit, step in LIMITS if score >= limit])
    # Texts, for a template takes long to write a number as people of this language do.
    return {"at": at // 1000, "x": str(place * 10), "rate": float(rate) if known else None, "servers": servers,
            "score": score, "shade": shade if judged or servers else "n"}  # fmt: skip


def _hour(cells: list[Shown]) -> Shown:
    """Four cells, and what is said of them together."""
    local = timezone.localtime(datetime.fromtimestamp(cells[0]["at"], timezone.get_current_timezone()))
    rates = [cell["rate"] for cell in cells if cell["rate"] is not None]
    servers = max(cell["servers"] for cell in cells)
    time = date_format(local, "D H:i")
    text = _("%(time)s: not judged") % {"time": time}
    if not rates and any(cell["shade"] != "n" for cell in cells):
        text = ngettext("%(time)s: %(n)d server unusual", "%(time)s: %(n)d servers unusual", servers)
        text %= {"time": time, "n": servers}
    elif rates:
        text = ngettext(
            "%(time)s: up to %(rate)s of series unusual, %(n)d server",
            "%(time)s: up to %(rate)s of series unusual, %(n)d servers",
            servers,
        ) % {"time": time, "rate": shown(RATE, max(rates)), "n": servers}
    return {
        "at": str(cells[0]["at"]), "x": cells[0]["x"], "label": date_format(local, "H:i"), "text": text,
        "cells": cells,
    }  # fmt: skip
