"""What is said of the future in plain words, and the same if growth or size were others."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from metrics.store import duration, number, parse, shown, spoken
from ml import forecast
from ml.forecast import DAY, Outlook
from ml.foretell.things import CRITICAL
from ml.models import Crossing, DiskRisk, Forecast, Risk, Sizing

Prospect = Outlook  # for those above, who must not look into the engine
HOUR = 3600.0
ENDS = {
    "check_certificate_seconds_left": gettext_noop("%(what)s ends in %(time)s"),
    "disk_inodes_used_percent": gettext_noop("%(what)s run out in %(time)s"),
}
MOST_GROWTH, MOST_SIZE = 100.0, 100.0


def labels_of(row: Forecast | Crossing) -> dict[str, str]:
    return dict(parse(f"x{row.labels}")[1])


def look(row: Forecast) -> Outlook:
    """As it was judged."""
    return Outlook(
        row.state, row.reason, row.value, row.per_day, row.seconds_left, row.seconds_low, row.seconds_high, row.error,
        chances=tuple(row.chances.items()), scored=row.scored, span=max(0, row.at - row.span_from) / 1000,
    )  # fmt: skip


def what_if(row: Forecast, growth: float, larger: float) -> Outlook:
    """A certificate does not grow, and nobody makes it larger."""
    if not row.limit or (growth == 1.0 and larger == 1.0):
        return look(row)
    return forecast.what_if(look(row), row.limit, growth=growth, larger=larger)


def thing(row: Forecast | Crossing) -> str:
    """What it is, with its server."""
    facts = {**labels_of(row), "server": row.server.name}
    names = {
        "disk_used_bytes": _("%(mount)s on %(server)s"),
        "disk_inodes_used_percent": _("Inodes of %(mount)s on %(server)s"),
        "memory_used_bytes": _("Memory of %(server)s"), "swap_used_percent": _("Swap of %(server)s"),
        "check_certificate_seconds_left": _("The certificate seen by %(check)s on %(server)s"),
    }  # fmt: skip
    try:
        return names[row.metric] % facts
    except KeyError:
        return f"{spoken(row.metric, labels_of(row))}, {row.server.name}"


def sentence(row: Forecast, seen: Outlook | None = None) -> str:
    """`/var on db-1 is full in 9 days (6 to 14)`, or honestly why not."""
    found = seen or look(row)
    what = thing(row)
    if found.reason == "met":
        return _("%(what)s: its limit is reached.") % {"what": what}
    if found.state in {"predictable", "unclear"} and found.left is not None:
        text = ENDS.get(row.metric, gettext_noop("%(what)s is full in %(time)s"))
        told = _(text) % {"what": what, "time": span(found)}
        if found.reason == "fell_back":
            return _("%(told)s if it does not fall back this time, as it did before.") % {"told": told}
        return _("%(told)s, but this is unclear.") % {"told": told} if found.state == "unclear" else f"{told}."
    return f"{what}: {why_not(found)}"


def why_not(found: Outlook) -> str:
    words = {
        "saw_tooth": _("it rises and is emptied again and again, so no end is forecast."),
        "wrong_before": _("it does not grow steadily, so no end is forecast."),
        "began_anew": _("it was emptied; not enough data since then."),
        "short": _("not enough data yet."),
    }
    if found.state == "never":
        return _("at this pace it does not run out within two years.")
    return words.get(found.reason, _("not predictable."))


def span(found: Outlook) -> str:
    """`9 days (6 to 14)`, in the unit of the middle."""
    left = found.left or 0.0
    unit, one = (DAY, _days) if left >= 2 * DAY else (HOUR, _hours)
    text = one(max(0, round(left / unit)))
    if found.low is None:
        return text
    low = number(round(found.low / unit))
    if found.high is not None and round(found.high / unit) == round(found.low / unit):
        return text
    if found.high is None:
        return _("%(time)s (%(low)s or more)") % {"time": text, "low": low}
    return _("%(time)s (%(low)s to %(high)s)") % {"time": text, "low": low, "high": number(round(found.high / unit))}


def _days(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": count}


def _hours(count: int) -> str:
    return ngettext("%(count)s hour", "%(count)s hours", count) % {"count": count}


def error_said(row: Forecast) -> str:
    """How good such words were: forecasts that were made again in its past, where what came is known."""
    if row.error is None or not row.scored or row.state not in {"predictable", "unclear"}:
        return ""
    text = ngettext(
        "one forecast that was tried on its last %(span)s was off by %(share)s %%",
        "%(n)s forecasts that were tried on its last %(span)s were off by %(share)s %%",
        row.scored,
    )
    return text % {"n": row.scored, "span": _past(row), "share": max(1, round(100 * row.error))}


def _past(row: Forecast) -> str:
    seconds = (row.at - row.span_from) / 1000
    unit, one = (DAY, _days) if seconds >= 3 * DAY else (HOUR, _hours)
    return one(round(seconds / unit))


def evidence(one: dict[str, Any]) -> str:
    """One reason of a risk."""
    labels = dict(parse(f"x{one['labels']}")[1]) if str(one["labels"]).startswith("{") else {}
    metric, value, limit = one["metric"], one["value"], one["limit"]
    what = spoken(metric, labels) if metric else str(one["labels"])
    if one["kind"] == "disk":
        return _("the counters of disk %(what)s are like those of disks that failed") % {"what": what}
    facts = {"what": what, "value": shown(metric, value or 0.0), "limit": shown(metric, limit or 0.0)}
    if one["kind"] == "met":
        return _("%(what)s has reached its limit") % facts
    if one["kind"] == "runs_out":
        return _("%(what)s runs out in %(time)s") % {**facts, "time": duration(value or 0.0)}
    if one["kind"] == "over":
        return _("%(what)s is %(value)s, over its limit of %(limit)s") % facts
    return _("%(what)s is %(value)s and often crosses %(limit)s after moments like this") % facts


def horizon_said(name: str) -> str:
    return {"hour": _("within the hour"), "day": _("within a day"), "two_weeks": _("within two weeks")}[name]


def risk_said(row: Risk) -> str:
    """`High risk within the hour (71 %): …`."""
    words = {"met": _("Critical now"), "high": _("High risk"), "raised": _("Raised risk"), "low": _("Low risk")}
    if row.state not in words:
        return _("Not enough data yet to tell a risk %(when)s.") % {"when": horizon_said(row.horizon)}
    head = words[row.state]
    if row.state == "met" and not any(_critical(one) for one in row.evidence):
        head = _("Warning now")
    if row.state != "met":
        facts = {"risk": head, "when": horizon_said(row.horizon), "percent": number(row.percent or 0.0, 2)}
        head = _("%(risk)s %(when)s (%(percent)s %%)") % facts
    reasons = "; ".join(evidence(one) for one in row.evidence[:3])
    return f"{head}: {reasons}." if reasons else f"{head}."


def _critical(one: dict[str, Any]) -> bool:
    """Whether it is met, and is more than a warning where a rule looks at it."""
    return one["kind"] == "met" or (one["kind"] == "over" and one["metric"] in CRITICAL)


def disk_said(row: DiskRisk) -> str:
    """Class and counters; no probability, as this is none."""
    told = ", ".join(f"{spoken(metric)} {number(value)}" for metric, value, _change in row.evidence)
    if row.state == "low":
        return _("Disk %(device)s: nothing points to a failure.") % {"device": row.device}
    head = (
        _("Disk %(device)s is likely to fail soon: back it up and replace it")
        if row.state == "high"
        else _("Disk %(device)s shows first signs of wear")
    )
    return f"{head % {'device': row.device}} ({told})." if told else f"{head % {'device': row.device}}."


def size_said(row: Sizing) -> str:
    words = {
        "idle": _("%(server)s is idle: processor %(cpu_busy)s %%, memory %(memory_busy)s %% in its busiest hours."),
        "overloaded": _(
            "%(server)s is overloaded: processor typically %(cpu_typical)s %%, memory %(memory_typical)s %%."
        ),
        "fits": _("%(server)s fits its work."),
    }  # fmt: skip
    if row.state not in words:
        return _("%(server)s: not enough data yet.") % {"server": row.server.name}
    return words[row.state] % {
        "server": row.server.name,
        **{key: number(value, 3) for key, value in row.figures.items()},
    }


def crossing_said(row: Crossing) -> str:
    """What came, and how far off the last word of a day before was."""
    facts = {"what": thing(row)}
    if row.error is None:
        return _("%(what)s reached its limit; it had not been forecast a day before.") % facts
    return _("%(what)s reached its limit; the forecast was off by %(share)s %%.") % {
        **facts, "share": round(100 * row.error),
    }  # fmt: skip
