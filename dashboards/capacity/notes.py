"""What the page of one server says of its future, above its charts: only what somebody should know."""

from __future__ import annotations

from ml.models import DiskRisk, Forecast, Risk
from ml.services import outlook
from servers.models import Server

SOON = 14 * 86_400.0
MOST = 4


def notes(server: Server) -> list[str]:
    """The soonest risk, disks that may fail, and what runs out within two weeks. What is met alerts by itself."""
    risks = list(Risk.objects.filter(server=server, state__in=["high", "raised"]).select_related("server"))
    order = {"hour": 0, "day": 1, "two_weeks": 2}
    told = [outlook.risk_said(row) for row in sorted(risks, key=lambda row: order[row.horizon])[:1]]
    disks = DiskRisk.objects.filter(server=server).exclude(state="low").order_by("state", "device")[:MOST]
    told += [outlook.disk_said(row) for row in disks]
    soon = Forecast.objects.filter(server=server, state="predictable", seconds_left__gt=0, seconds_left__lt=SOON)
    for row in soon.select_related("server").order_by("seconds_left")[:MOST]:
        told.append(" ".join(one for one in (outlook.sentence(row), _sentence(outlook.error_said(row))) if one))
    return told[: 2 * MOST]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
