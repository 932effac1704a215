"""Which servers a selector means: what roles and tokens that are narrowed ask."""

from __future__ import annotations

from django.utils.translation import ngettext

from accounts.models import Team
from core.selector import Selector
from servers.models import Server

# Those that `words` reads: thousands of rows are looked through.
_WORDS = ("uuid", "name", "hostname", "tags", "role", "os", "family", "site", "environment")


def meant(team: int | None, selector: Selector) -> frozenset[int]:
    """Their numbers: of one team, or of all."""
    rows = Server.objects.judged().only(*_WORDS)
    if team is not None:
        rows = rows.filter(team=team)
    return frozenset(row.pk for row in rows.iterator() if selector.matches(row.words()))


def still_there(team: Team) -> str:
    """Why a team with servers cannot be removed; empty where it has none. Watchkeeper's own counts too."""
    found = Server.objects.filter(team=team).count()
    text = ngettext(
        "The team has %(n)d server. Move or remove it first.",
        "The team has %(n)d servers. Move or remove them first.",
        found,
    )
    return text % {"n": found} if found else ""
