"""What runs out next, in one plain sentence for whoever runs a business and no computers."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboards.present import Shown
from ml.models import Forecast
from ml.services import outlook

DAY = 86_400.0
SOON = 14 * DAY


def next_out(user: Any) -> Shown | None:
    """The nearest of what is sure to run out within two weeks, and where it is drawn."""
    rows = Forecast.objects.visible_to(user).filter(state="predictable", seconds_left__lt=SOON)
    row = rows.select_related("server").order_by("seconds_left", "pk").first()
    if row is None:
        return None
    left = row.seconds_left or 0.0
    return {
        "text": _sentence(row, left),
        "tone": "crit" if left < 2 * DAY else "warn",
        "url": f"/capacity/?thing={row.pk}",
    }


def _sentence(row: Forecast, left: float) -> str:
    if row.metric != "disk_used_bytes" or row.reason == "fell_back":
        return outlook.sentence(row)
    facts = {"mount": outlook.labels_of(row).get("mount", ""), "server": row.server.name}
    if left < DAY:
        return _("Disk %(mount)s of %(server)s is full within a day.") % facts
    days = round(left / DAY)
    text = ngettext(
        "Disk %(mount)s of %(server)s is full in about %(days)d day.",
        "Disk %(mount)s of %(server)s is full in about %(days)d days.",
        days,
    )
    return text % {**facts, "days": days}
