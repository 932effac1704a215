"""How every server stands now: its last score, whether it is still learnt, and the episode it is in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import User
from core.clock import from_milliseconds, milliseconds
from metrics.store import latest
from ml.models import Episode, Watch

OLD = 180_000  # what is older says nothing of now
FRESH = 45_000  # reasons that are so much older than the score are of another moment


Shown = dict[str, Any]
_FIELDS = (
    "server_id", "server__uuid", "server__name", "version_id", "version__number", "full_at", "score", "rate", "at",
    "threshold", "silent", "said", "top", "top_at",
)  # fmt: skip


def of(user: User) -> list[Shown]:
    """Of all that a person may see, the most unusual first; as the API answers, for thousands of rows cost."""
    rows = Watch.objects.visible_to(user).values_list(*_FIELDS, named=True)
    going_on = dict(Episode.objects.visible_to(user).open().values_list("server_id", "uuid"))
    now = milliseconds()
    found = [_standing(row, going_on.get(row.server_id), now) for row in rows.iterator()]
    found.sort(key=lambda one: (one["episode"] is None, -(one["score"] or 0.0), one["name"]))
    return found


def _standing(row: Any, episode: UUID | None, now: int) -> Shown:
    score, rate, at = row.score, row.rate, row.at
    if row.full_at is not None:
        score, rate, at = _newest(row.server_id)
    if now - at > OLD:
        score = rate = None
    told = score is not None and score >= Watch.WORDED and at - row.top_at <= FRESH
    return {
        "server": row.server__uuid, "name": row.server__name, "stage": Watch.stage_of(row.version_id, row.full_at),
        "score": score, "rate_percent": rate, "at": from_milliseconds(at) if at else None,
        "threshold": row.threshold, "silent": row.silent, "episode": episode, "version": row.version__number,
        "said": row.said, "top": row.top if told else [],
    }  # fmt: skip


def _newest(server: int) -> tuple[float | None, float | None, int]:
    score = latest.own_value(server, "anomaly_score")
    rate = latest.own_value(server, "anomaly_rate_percent")
    return (score[1], rate[1] if rate else None, score[0]) if score else (None, None, 0)
