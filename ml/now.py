"""How every server stands now: its last score, whether it is still learnt, and the episode it is in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from core.clock import from_milliseconds, milliseconds
from metrics.store import latest
from ml.models import Episode, Watch

OLD = 180_000  # what is older says nothing of now
FRESH = 45_000  # reasons that are so much older than the score are of another moment


@dataclass(frozen=True)
class Standing:
    server: UUID
    name: str
    stage: str
    score: float | None
    rate_percent: float | None
    at: datetime | None
    threshold: float
    silent: bool
    episode: UUID | None
    version: int | None
    said: str
    top: list[dict[str, Any]]


def of(user: User, servers: set[int] | None = None) -> list[Standing]:
    """Of all that a person may see, or of these among them; the most unusual first."""
    rows = Watch.objects.visible_to(user).select_related("server", "version")
    rows = rows.defer("maxima", "fresh", "version__blob", "version__columns", "version__figures")
    if servers is not None:
        rows = rows.filter(server__in=servers)
    going_on = dict(Episode.objects.visible_to(user).open().values_list("server_id", "uuid"))
    found = [_standing(watch, going_on.get(watch.server_id)) for watch in rows]
    found.sort(key=lambda one: (one.episode is None, -(one.score or 0.0), one.name))
    return found


def _standing(watch: Watch, episode: UUID | None) -> Standing:
    score, rate, at = watch.score, watch.rate, watch.at
    if watch.full_at is not None:
        score, rate, at = _newest(watch.server_id)
    if milliseconds() - at > OLD:
        score = rate = None
    top = watch.top if score is not None and score >= Watch.WORDED and at - watch.top_at <= FRESH else []
    return Standing(
        watch.server.uuid, watch.server.name, watch.stage, score, rate, from_milliseconds(at) if at else None,
        watch.threshold, watch.silent, episode, watch.version.number if watch.version else None, watch.said, top,
    )  # fmt: skip


def _newest(server: int) -> tuple[float | None, float | None, int]:
    score = latest.own_value(server, "anomaly_score")
    rate = latest.own_value(server, "anomaly_rate_percent")
    return (score[1], rate[1] if rate else None, score[0]) if score else (None, None, 0)
