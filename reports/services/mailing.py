"""Send what schedules had made: each address its own mail, tried for a day; short when nothing happened."""

from __future__ import annotations

import logging
import re
import smtplib
import time
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.services import mail_ready as ready
from core import zones
from reports.document import Document
from reports.formats import csv
from reports.models import DONE, FAILED, Run, Schedule, Sending
from reports.services import files, schedules
from reports.services.making import BROKEN

log = logging.getLogger(__name__)

WAITS = (60, 300, 900, 3600)
TRIED = timedelta(hours=24)
MOST_AT_ONCE = 20
MOST_ATTACHED = 8 << 20
NO_SERVER = gettext_noop("No mail server is set, so nothing will be sent; ask an admin (Settings, Mail).")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def address_all(at: datetime) -> None:
    """Of runs that are made, a row for each address; of those that failed, the reason at the schedule."""
    fresh = Run.objects.filter(schedule__isnull=False, sendings=None, done_at__gte=at - TRIED).select_related(
        "schedule"
    )
    for run in fresh.filter(state=DONE):
        assert run.schedule is not None  # noqa: S101 - asked so
        rows = [Sending(run=run, address=one, due_at=at) for one in schedules.recipients(run.schedule)]
        Sending.objects.bulk_create(rows, ignore_conflicts=True)
    for run in fresh.filter(state=FAILED):
        _of(run).update(fault=run.said)


def send_due(at: datetime, seconds: float = 120.0) -> int:
    """One worker at a time does this: see the task. After so many seconds the rest is left to the next turn."""
    end = time.monotonic() + seconds
    due = Sending.objects.filter(sent_at=None, due_at__lte=at).select_related("run__schedule__team")
    count = 0
    for sending in due.order_by("due_at", "pk")[:MOST_AT_ONCE]:
        if time.monotonic() >= end:
            break
        try:
            count += _try(sending, at)
        except Exception:  # whatever is wrong with one mail must not stand before all others
            log.exception("The mail %d of a report could not be made", sending.pk)
            _later(sending, BROKEN, at)
    return count


def _try(sending: Sending, at: datetime) -> bool:
    if not _wanted(sending):
        sending.delete()
        return False
    late = sending.run.done_at is not None and at - sending.run.done_at > TRIED
    document = None if late else files.document(sending.run)
    if document is None:
        said = sending.error or "The report is not there any more."
        Sending.objects.filter(pk=sending.pk).update(due_at=at + timedelta(days=36_500), error=said)
        return False
    if not ready():
        _later(sending, NO_SERVER, at)
        return False
    try:
        letter(sending, document).send()
    except (OSError, ValueError, smtplib.SMTPException, files.NotMade) as fault:
        _later(sending, str(fault)[:500], at)
        return False
    Sending.objects.filter(pk=sending.pk).update(sent_at=at, attempts=sending.attempts + 1, error="")
    _of(sending.run).exclude(fault="").update(fault="")
    return True


def _wanted(sending: Sending) -> bool:
    """Whether it may still be had: a mail can wait for a day, and people leave."""
    schedule = sending.run.schedule
    return schedule is not None and schedule.enabled and sending.address in schedules.recipients(schedule)


def _later(sending: Sending, said: str, at: datetime) -> None:
    log.warning("A report could not be mailed: %s", said)
    wait = WAITS[min(sending.attempts, len(WAITS) - 1)]
    Sending.objects.filter(pk=sending.pk).update(
        attempts=sending.attempts + 1, error=said, due_at=at + timedelta(seconds=wait)
    )
    _of(sending.run).update(fault=said)


def letter(sending: Sending, document: Document) -> EmailMultiAlternatives:
    """Text and HTML; files are in it when something happened."""
    run = sending.run
    schedule = run.schedule
    assert schedule is not None  # noqa: S101 - only those of schedules are sent
    ends = f"{settings.SITE_URL}/reports/stop/{schedules.token(sending)}/"
    facts = {
        "document": document, "schedule": schedule, "ends": ends, "link": f"{settings.SITE_URL}/reports/{run.uuid}/",
        "figures": [(one, figure) for one in document.sections for figure in one.figures],
    }  # fmt: skip
    with translation.override(run.language):
        subject = f"{schedule.name}: {document.period}"
        if document.quiet:
            subject = _("%(report)s: nothing happened") % {"report": subject}
        text = render_to_string("reports/mail/report.txt", facts)
        html = render_to_string("reports/mail/report.html", facts)
    host = urlsplit(settings.SITE_URL).hostname or "watchkeeper"
    mail = EmailMultiAlternatives(
        subject=_CONTROL.sub(" ", subject)[:200], body=text, to=[sending.address],
        headers={
            "Message-ID": f"<report.{run.uuid}.{sending.pk}@{host}>", "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{ends}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )  # fmt: skip
    mail.attach_alternative(html, "text/html")
    if not document.quiet:
        _attach(mail, run, document, schedule)
    return mail


def _attach(mail: EmailMultiAlternatives, run: Run, document: Document, schedule: Schedule) -> None:
    """What fits; the rest is behind the link."""
    room = MOST_ATTACHED
    for form in schedule.formats:
        if form == "csv":
            data = csv.text(document, zones.find(run.zone) or zones.UTC).encode()
        else:
            data = files.file(run, form).read_bytes()
        if data and len(data) <= room:
            room -= len(data)
            mail.attach(name(document, run, form), data, files.TYPES[form].partition(";")[0])


def name(document: Document, run: Run, form: str) -> str:
    """Of a file as it is taken away: what it is, and from when."""
    start = run.start.astimezone(zones.find(run.zone) or zones.UTC)
    return f"{document.kind}-{start:%Y-%m-%d}.{form}"


def _of(run: Run) -> QuerySet[Schedule]:
    return Schedule.objects.filter(pk=run.schedule_id or 0)
