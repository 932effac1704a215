"""What the page of one server says of its future, above its charts: only what somebody should know."""

from __future__ import annotations

from metrics.store import parse
from ml.models import DiskRisk, Forecast, Risk
from ml.services import outlook
from servers.models import Server

SOON = 14 * 86_400.0
MOST = 4


def notes(server: Server) -> list[str]:
    """The soonest risk, disks that may fail, and what runs out within two weeks. What is met alerts by itself."""
    risks = list(Risk.objects.filter(server=server, state__in=["high", "raised"]).select_related("server"))
    order = {"hour": 0, "day": 1, "two_weeks": 2}
    soon = Forecast.objects.filter(server=server, state="predictable", seconds_left__gt=0, seconds_left__lt=SOON)
    ends = list(soon.select_related("server").order_by("seconds_left")[:MOST])
    soonest = sorted(risks, key=lambda row: order[row.horizon])[:1]
    told = [outlook.risk_said(row) for row in soonest if not _the_same(row, ends)]
    disks = DiskRisk.objects.filter(server=server).exclude(state="low").order_by("state", "device")[:MOST]
    told += [outlook.disk_said(row) for row in disks]
    for row in ends:
        told.append(" ".join(one for one in (outlook.sentence(row), _sentence(outlook.error_said(row))) if one))
    return told[: 2 * MOST]


def _the_same(risk: Risk, ends: list[Forecast]) -> bool:
    """Whether all that speaks for a risk is said by the forecasts below it."""
    said = {(row.metric, row.labels) for row in ends}
    why = [(one.get("metric"), one.get("labels")) for one in risk.evidence if one.get("kind") == "runs_out"]
    return bool(why) and len(why) == len(risk.evidence) and said.issuperset(why)


def days_left(server: Server) -> dict[str, float]:
    """By mount, the days until a disk is full: the server's page tells what the page of capacity tells."""
    rows = Forecast.objects.filter(server=server, state="predictable", metric="disk_used_bytes", seconds_left__gt=0)
    found = {dict(parse(f"x{row.labels}")[1]).get("mount", ""): row.seconds_left for row in rows}
    return {mount: left / 86_400 for mount, left in found.items() if left is not None}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
