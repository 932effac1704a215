"""A report's file as the answer to a request: what the API and the pages share."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext as _

from core import zones
from core.errors import Failure
from reports.formats import csv
from reports.models import Run
from reports.services import files, mailing


def answer_with(run: Run, form: str, section: str = "") -> Any:
    """The file in this form; Failure says why there is none."""
    if form not in files.FORMATS:
        raise Failure(_("Files are pdf, xlsx and csv."), code="bad_format")
    document = files.document(run)
    if document is None:
        raise Failure(_("The report is not there any more. Ask for it again."), code="gone", status=410)
    named = mailing.name(document, run, form)
    if form == "csv":
        text = csv.text(document, zones.find(run.zone) or zones.UTC, section)
        if not text:
            raise Failure(_("The report has no such table."), code="bad_section", status=404)
        named = named.replace(".csv", f"-{section}.csv") if section else named
        return _named(HttpResponse(text, files.TYPES[form]), named)
    try:
        held = files.file(run, form).open("rb")
    except files.NotMade as fault:
        raise Failure(str(fault), code="not_made", status=503) from fault
    return _named(FileResponse(held, content_type=files.TYPES[form]), named)


def _named(answer: Any, name: str) -> Any:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
