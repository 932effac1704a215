"""Where nobody is on call in the coming weeks, in a sentence of the reader's language."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as write
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts import oncall
from alerts.oncall import Plan, Shift

NAMED = 3


def warning(plan: Plan, start: datetime) -> str:
    """`Nobody is on call Sat 08:00-Sun 08:00.`, or nothing."""
    end = start + oncall.AHEAD
    found = oncall.gaps(plan, start, end)
    if not found:
        return ""
    if found[0] == Shift(None, start, end):
        return _("Nobody is on call in the coming four weeks.")
    said = {"times": ", ".join(_words(gap, start, end, ZoneInfo(plan.zone)) for gap in found[:NAMED])}
    more = len(found) - NAMED
    if more <= 0:
        return _("Nobody is on call %(times)s.") % said
    text = ngettext(
        "Nobody is on call %(times)s, and %(more)d more time in four weeks.",
        "Nobody is on call %(times)s, and %(more)d more times in four weeks.",
        more,
    )
    return text % {**said, "more": more}


def _words(gap: Shift, start: datetime, end: datetime, zone: ZoneInfo) -> str:
    # A weekday says which of the next seven days it is; later ones need their date.
    form = "D H:i" if gap.end - start < timedelta(days=7) else "D d M H:i"
    said = {"start": write(gap.start.astimezone(zone), form), "end": write(gap.end.astimezone(zone), form)}
    if gap.start == start:
        return _("from now until %(end)s") % said
    if gap.end == end:
        return _("from %(start)s on") % said
    return f"{said['start']}\u2013{said['end']}"
