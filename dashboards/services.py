"""The first things a site has: a team, its admin, calm rules."""

from __future__ import annotations

from django.db import transaction

from accounts.models import Team
from accounts.services import MAIN_TEAM, FirstAdmin, begin_team, ensure_site


@transaction.atomic
def prepare_site(email: str, password: str | None) -> FirstAdmin | None:
    """Make what is missing at the very first start; later it changes nothing."""
    first = ensure_site(email, password)
    if first:
        begin_team(Team.objects.get(name=MAIN_TEAM))
    return first
