"""What else moved on a server: its series ranked against the time before, and what changed near its beginning."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from dashboards.server import ledger, moving
from metrics.store import duration, query, shown, spoken
from servers.models import Server

Shown = dict[str, Any]
BEFORE = 4  # times as long
INSIDE = 60  # points of the time itself
MOST = 24
SHORTEST, LONGEST = 15_000, 30 * 86_400_000
NEAR = 600_000  # what changed so long before may be the cause
# What only ever grows, what is told of other series, and what stands still by its nature.
LEFT_OUT = ("uptime_", "anomaly_", "forecast_", "clock_", "agent_dropped")


def moved(user: User, server: Server, start: int, end: int) -> Shown:
    begin = start - BEFORE * (end - start)
    asked = query.Range(begin, end, INSIDE * (BEFORE + 1))
    times, found = query.every(server.pk, asked)
    # A bucket that lies across the beginning belongs to neither side.
    inside = times >= start / 1000
    keys = [key for key in found if not key[0].startswith(LEFT_OUT) and not key[0].endswith("_total_bytes")]
    ranked = moving.rank((found[key] for key in keys), inside)
    listed = [_shown(one, keys[one.place], found[keys[one.place]]) for one in ranked[:MOST]]
    near = max(NEAR, (end - start) // 2)
    changes = ledger.marks(user, server, start - near, min(start + near, end))
    return {
        "from": start / 1000,
        "to": end / 1000,
        "baseline": begin / 1000,
        "looked": len(keys),
        "moved": len(ranked),
        "t": times.tolist(),
        "series": listed,
        "changes": changes,
        "sentence": _sentence(len(keys), len(ranked), listed, changes, start),
    }


def _shown(one: moving.Moved, key: Any, values: Any) -> Shown:
    metric, labels = key[0], dict(key[1])
    return {
        "metric": metric,
        "labels": labels,
        "title": spoken(metric, labels),
        "kind": one.kind,
        "score": round(one.score, 3),
        "text": changed(metric, one),
        "v": [None if v != v else float(f"{v:.6g}") for v in np.asarray(values).tolist()],  # noqa: PLR0124 - NaN
    }


def changed(metric: str, one: moving.Moved) -> str:
    if one.before is None or one.during is None:
        known = one.before if one.during is None else one.during
        text = _("no data, before %(value)s") if one.during is None else _("not measured before, now %(value)s")
        return text % {"value": shown(metric, known or 0.0)}
    values = {"before": shown(metric, one.before), "during": shown(metric, one.during)}
    if one.kind in {"restless", "calm"}:
        return _("peaks from %(before)s to %(during)s") % values
    return _("%(before)s → %(during)s") % values


def _sentence(looked: int, count: int, listed: list[Shown], changes: list[Shown], start: int) -> str:
    if not looked:
        return _("This server told nothing in that time.")
    if not count:
        return _("Nothing else moved: all %(n)d series are as they were before.") % {"n": looked}
    text = ngettext(
        "%(count)d of %(looked)d series moved. Most: %(title)s, %(change)s.",
        "%(count)d of %(looked)d series moved. Most: %(title)s, %(change)s.",
        count,
    ) % {"count": count, "looked": looked, "title": listed[0]["title"], "change": listed[0]["text"]}
    before = [one for one in changes if one["at"] * 1000 <= start]
    if before:
        age = duration(start / 1000 - before[-1]["at"])
        text += " " + _("%(age)s before: %(what)s.") % {"age": age, "what": before[-1]["text"].rstrip(".")}
    return text
