"""Why nobody is told of an incident now: a silence, a greater trouble, or what else holds its news."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from alerts.models import Alert, Incident, Notice
from alerts.services import said, silences
from core.clock import now

Hushed = dict[int, tuple[str, float | None]]


def why(held: str) -> str:
    """A reason of the record as a part of a sentence, in the reader's language."""
    return said.translated(held.removeprefix("Not told: ").removesuffix("."))


def hushed(rows: Iterable[Incident]) -> Hushed:
    """As the record says it, and until when it is sure; a handful of questions for any number."""
    open_ = {row.pk: row for row in rows if row.resolved_at is None}
    found: Hushed = {}
    untold = Notice.objects.untold().filter(incident__in=open_, kind="firing").exclude(held="").order_by("pk")
    for key, held in untold.values_list("incident", "held"):
        if open_[key].told_at is None:
            found[key] = (held, None)
    return found | _silenced(open_)


def _silenced(open_: dict[int, Incident]) -> Hushed:
    """Those of which every alert that is open is silenced: one that is not still calls."""
    mutes = silences.mutes({row.team_id for row in open_.values()}, now())
    if not mutes:
        return {}
    alerts: dict[int, list[Alert]] = defaultdict(list)
    for alert in Alert.objects.open().filter(incident__in=open_).select_related("rule", "server"):
        alerts[alert.incident_id or 0].append(alert)
    found: Hushed = {}
    for key, mine in alerts.items():
        hits = [[mute for mute in mutes if mute.hits(alert.rule, alert.server.words())] for alert in mine]
        if all(hits):
            last = max((mute for some in hits for mute in some), key=lambda mute: mute.until)
            found[key] = (f"silenced: {last.reason}", last.until.timestamp())
    return found
