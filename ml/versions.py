"""Versions of what is learnt: stored whole, checked at every load, the last three kept, and put back by one verb."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max

from core.clock import now
from core.locking import locked
from metrics.store import layout_hash
from ml import hours
from ml.model import Model
from ml.models import ModelVersion, Watch

log = logging.getLogger(__name__)

KEPT = 3
WORSE = 3.0  # a model that would alert so many times as often as the one before is refused
LEAST_SHARE = 0.002  # below two rows in a thousand both are calm


@dataclass(frozen=True)
class Made:
    """What a training made of one server."""

    server: int
    why: str
    model: Model
    short: bool
    figures: dict[str, Any] = field(default_factory=dict)


def load(server: int) -> tuple[ModelVersion, Model] | None:
    """What judges a server now; nothing where nothing is learnt, or where what is stored is damaged."""
    row = ModelVersion.objects.current().filter(server=server).first()
    model = read(row) if row else None
    if row is None or model is None:
        return None
    fresh = Watch.objects.filter(server=server, version=row).values_list("fresh", flat=True).first()
    return row, compared(model, fresh or b"")


def compared(model: Model, fresh: bytes | memoryview) -> Model:
    """As the last night found it; as it was learnt where no night has come yet, or what it left is damaged."""
    if not fresh:
        return model
    try:
        return model.with_fresh(bytes(fresh))
    except Exception:
        log.exception("What a night found cannot be read: the version judges as it was learnt")
        return model


def read(row: ModelVersion) -> Model | None:
    """A version's model, if it is as it was stored."""
    blob = bytes(row.blob)
    if hashlib.sha256(blob).hexdigest() != row.sha256:
        log.error("Version %d of server %d is damaged: it is not used", row.number, row.server_id)
        return None
    try:
        model = Model.unpack(blob)
    except Exception:
        log.exception("Version %d of server %d cannot be read: it is not used", row.number, row.server_id)
        return None
    return model if list(model.columns) == row.columns else None


@transaction.atomic
def store(made: Made) -> ModelVersion:
    """Keep a new version; it judges from now on, unless it is much worse than the one before."""
    watch = locked(Watch.objects).get(server=made.server)
    number = (ModelVersion.objects.filter(server=made.server).aggregate(last=Max("number"))["last"] or 0) + 1
    refusal = _refusal(made)
    before = ModelVersion.objects.current().filter(server=made.server)
    if not refusal:
        before.update(state="kept")
    blob = made.model.pack()
    version = ModelVersion.objects.create(
        server_id=made.server, number=number, state="refused" if refusal else "current", why=made.why, said=refusal,
        columns=list(made.model.columns), schema=layout_hash(list(made.model.columns)), short=made.short,
        span_from=made.model.from_ms, span_to=made.model.to_ms, rows=made.model.rows,
        sha256=hashlib.sha256(blob).hexdigest(), blob=blob,
        figures={**made.figures, "hours": len(made.model.usual)}, made_at=now(),
    )  # fmt: skip
    if not refusal:
        watch.version, watch.fresh, watch.crept = version, b"", []
        if watch.full_at is None and not made.short:
            watch.full_at = made.model.to_ms
        watch.said = ""
        watch.save(update_fields=["version", "fresh", "crept", "full_at", "said"])
    _prune(made.server)
    return version


def _refusal(made: Made) -> str:
    """Of a confirmed new normal nothing is refused: the old one is known to be wrong."""
    if made.why in ("regime", "first", "day"):
        return ""
    fresh, old = made.figures.get("alert_share"), made.figures.get("alert_share_before")
    if fresh is None or old is None or fresh <= WORSE * max(old, LEAST_SHARE):
        return ""
    return f"It would call {100 * fresh:.1f} % of its own days unusual, the version before {100 * old:.1f} %."


def _prune(server: int) -> None:
    """The current one and the two that were kept last; refused ones count with them."""
    rows = ModelVersion.objects.filter(server=server).order_by("-number")
    spare = rows.exclude(state="current").values_list("pk", flat=True)[KEPT - 1 :]
    ModelVersion.objects.filter(pk__in=list(spare)).delete()


@transaction.atomic
def put_back(version: ModelVersion) -> ModelVersion:
    """Let an earlier version judge again; what it said before stays said."""
    watch = locked(Watch.objects).get(server=version.server_id)
    others = ModelVersion.objects.current().filter(server=version.server_id).exclude(pk=version.pk)
    if began := others.values_list("made_at", flat=True).first():
        # What the other said since it judged is no measure of what this one will say.
        until = round(began.timestamp() * 1000) // hours.HOUR
        kept = {hour: most for hour, most in hours.unpack(watch.maxima).items() if hour < until}
        watch.maxima = hours.pack(kept)
    others.update(state="kept")
    ModelVersion.objects.filter(pk=version.pk).update(state="current")
    watch.version, watch.fresh, watch.crept = version, b"", []
    watch.save(update_fields=["version", "fresh", "crept", "maxima"])
    version.state = "current"
    return version
