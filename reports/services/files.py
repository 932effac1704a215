"""The files of reports in the data folder: named by their run, bounded in age and in size."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from core import zones
from reports.document import Document, decoded, encoded
from reports.models import OPEN, Run

log = logging.getLogger(__name__)

FOLDER = "reports"
FORMATS = ("pdf", "xlsx", "csv")
TYPES = {
    "pdf": "application/pdf", "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
KEPT = timedelta(days=90)
MOST_BYTES = 256 << 20
PATIENCE = 120.0
_drawing = threading.BoundedSemaphore(1)
"""Each takes a core and a hundred megabytes: those that are asked for together come one after the other."""


class NotMade(RuntimeError):
    """The file could not be made; says why."""


def path(run: Run, form: str) -> Path:
    return Path(settings.DATA) / FOLDER / f"{run.uuid}.{form}"


def keep(run: Run, document: Document) -> None:
    """Whole or not at all."""
    target = path(run, "json")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_suffix(".part")
    part.write_bytes(encoded(document))
    part.chmod(0o600)
    part.replace(target)


def document(run: Run) -> Document | None:
    try:
        return decoded(path(run, "json").read_bytes())
    except FileNotFoundError:
        return None


def file(run: Run, form: str) -> Path:
    """The file in this form, made when it is first asked for."""
    from reports.formats import xlsx  # noqa: PLC0415 - asked for now and then

    target = path(run, form)
    if target.exists():
        return target
    source = path(run, "json")
    if not source.exists():
        raise NotMade(_("The report is not there any more. Ask for it again."))
    # A name of its own: two may ask at once, and each puts a whole file in place.
    part = target.with_name(f"{run.uuid}.{uuid4().hex}.part")
    try:
        if form == "pdf":
            _pdf(source, part)
        else:
            xlsx.write(decoded(source.read_bytes()), part, zones.find(run.zone) or zones.UTC)
        part.chmod(0o600)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    measure(run)
    return target


def _pdf(source: Path, target: Path) -> None:
    """In a child: what draws pages is large, and would stay in memory for good."""
    argv = [sys.executable, "-m", "reports.formats.pdf", str(source), str(target)]
    if not _drawing.acquire(timeout=PATIENCE):
        raise NotMade(_("Many PDFs are being made. Ask again in a moment."))
    try:
        done = subprocess.run(  # noqa: S603 - a list, and nothing in it that somebody typed
            argv, cwd=settings.ROOT, timeout=PATIENCE, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotMade(_("The PDF took too long. Ask for less, or take the XLSX file.")) from error
    finally:
        _drawing.release()
    if done.returncode:
        log.error("A PDF could not be made: %s", done.stderr.decode("utf-8", "replace")[-2000:])
        raise NotMade(_("The PDF could not be made. The XLSX and CSV files hold the same figures."))


def of(run: Run) -> Iterable[Path]:
    return (path(run, "json").parent).glob(f"{run.uuid}.*")


def measure(run: Run) -> None:
    run.bytes = sum(one.stat().st_size for one in of(run) if one.exists())
    Run.objects.filter(pk=run.pk).update(bytes=run.bytes)


def remove(run: Run) -> None:
    for one in of(run):
        one.unlink(missing_ok=True)


def trim(now: datetime) -> int:
    """Forget what is old, then the oldest while all together is too large; what is being made stays."""
    over = Run.objects.exclude(state__in=OPEN).order_by("created_at", "pk")
    count = 0
    for run in over.filter(created_at__lt=now - KEPT):
        count += _forget(run)
    total = Run.objects.aggregate(all=Sum("bytes"))["all"] or 0
    for run in over.iterator():
        if total <= MOST_BYTES:
            break
        total -= run.bytes
        count += _forget(run)
    folder = Path(settings.DATA) / FOLDER
    # Listed before the rows are asked for: what is written meanwhile is nobody's stray.
    there = list(folder.glob("*")) if folder.is_dir() else []
    known = {str(uuid) for uuid in Run.objects.values_list("uuid", flat=True)}
    for stray in there:
        if stray.name.partition(".")[0] not in known:
            stray.unlink(missing_ok=True)
    return count


def _forget(run: Run) -> int:
    """Of a schedule the row stays, so that its time is never sent twice."""
    remove(run)
    if run.schedule_id is None:
        run.delete()
    else:
        Run.objects.filter(pk=run.pk).update(bytes=0)
    return 1
