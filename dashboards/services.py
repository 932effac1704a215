"""The first things a site has: a team, its admin, calm rules."""

from __future__ import annotations

from django.db import transaction

from accounts.models import Team
from accounts.services import MAIN_TEAM, FirstAdmin, ensure_site
from alerts.services import make_default_rules


@transaction.atomic
def prepare_site(email: str, password: str | None) -> FirstAdmin | None:
    """Make what is missing at the very first start; later it changes nothing."""
    first = ensure_site(email, password)
    if first:
        make_default_rules(Team.objects.get(name=MAIN_TEAM))
    return first
