"""What a team leaves behind: no rule goes on and no channel leads anywhere, but the record stays."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Model

from accounts.models import Team, User
from alerts.models import Channel, Delivery, Incident, Notice, Rule, Step
from alerts.services import chains
from alerts.services.rules import remove_rule
from core import sealed
from core.clock import now

GONE = "its team was removed"


def team_ends(team: Team, by: User) -> Collection[type[Model]]:
    """In the transaction that removes it; the tables whose rows stay, for site owners alone to read."""
    at = now()
    for rule in Rule.objects.standing().filter(team=team):
        remove_rule(rule, at, by=by)
    open_ = Incident.objects.open().filter(team=team)
    Step.objects.filter(incident__team=team, done_at=None).update(done_at=at, result=chains.OVER)
    Notice.objects.untold().filter(incident__team=team).update(told_at=at, held=GONE)
    waiting = Delivery.objects.filter(notice__incident__team=team, state="waiting")
    waiting.update(state="dropped", error=GONE, lease_until=None, lease_owner="")
    open_.update(resolved_at=at)
    Incident.objects.filter(team=team).update(next_at=None)
    channels = Channel.objects.standing().filter(team=team)
    gone = {"removed_at": at, "enabled": False, "default": False, "fallback": None}
    channels.update(sealed_config=sealed.seal({}), fault="", failures=0, resting_until=None, **gone)
    return (Incident, Rule, Channel)
