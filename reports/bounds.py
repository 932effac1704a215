"""How far a person's reports reached when they were made, and whether the person reaches as far today."""

from __future__ import annotations

import json
from collections.abc import Iterable

from accounts.base import REPORT, holding
from accounts.models import User


def reached(user: User, teams: Iterable[int]) -> str:
    """Of each team in the report, the selector that the person's role had; the token's stands in the run itself."""
    mine = {} if user.is_superuser else _roles(user)
    return json.dumps({str(team): mine.get(team, "") for team in sorted(teams)})


def still(user: User, text: str) -> bool:
    """Whether nothing of it is beyond the person now: whoever left a team or was narrowed took nothing along."""
    if user.is_superuser or not text:
        return True
    mine = _roles(user)
    return all(mine.get(int(team)) in {"", bound} for team, bound in json.loads(text).items())


def _roles(user: User) -> dict[int, str]:
    return dict(user.memberships.filter(role__in=holding(REPORT)).values_list("team", "selector"))
