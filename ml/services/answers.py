"""What people say of an episode: it was normal, or it was not; and whether a new normal is to be learnt."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from core.clock import now
from core.locking import locked
from core.runner import wake
from ml.models import Episode, ModelVersion, Training
from ml.versions import put_back

CHANGED = "models"


@transaction.atomic
def answer(episode: Episode, said: str, *, by: User) -> Episode:
    """`normal` of one that goes on means: learn it anew from where it began. An answer may be changed."""
    row = locked(Episode.objects).select_related("server").get(pk=episode.pk)
    before, row.answer = row.answer, said
    row.answered_by, row.answered_at = by, now()
    row.save(update_fields=["answer", "answered_by", "answered_at"])
    audit(by, "anomalies.answer", row.server, before={"answer": before}, after={"answer": said})
    if said == "normal" and row.ended_at is None:
        _learn_anew(row, by)
    return row


def _learn_anew(row: Episode, by: User) -> None:
    standing = Training.objects.standing().filter(server=row.server_id, why="regime")
    if not standing.exists():
        begins = round(row.began_at.timestamp() * 1000)
        Training.objects.create(server=row.server, why="regime", due_at=now(), span_from=begins, by=by)
    transaction.on_commit(lambda: wake("training"))


@transaction.atomic
def roll_back(version: ModelVersion, *, by: User) -> ModelVersion:
    """Let an earlier version judge again."""
    before = ModelVersion.objects.current().filter(server=version.server_id).values_list("number", flat=True).first()
    row = put_back(version)
    audit(by, "models.roll_back", version.server, before={"version": before}, after={"version": version.number})
    transaction.on_commit(lambda: wake(CHANGED))
    return row


@transaction.atomic
def train(server_id: int, *, by: User) -> Training:
    """Learn a server anew now; asked twice it is the same training."""
    row, fresh = Training.objects.standing().get_or_create(
        server_id=server_id, why="asked", defaults={"due_at": now(), "by": by}
    )
    if fresh:
        audit(by, "models.train", row.server)
    transaction.on_commit(lambda: wake("training"))
    return row
