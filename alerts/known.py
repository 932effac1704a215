"""What the servers of a rule really tell: so that a slip of the pen is seen when a rule is made, not months later."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from alerts.compiled import label_test
from alerts.models import Rule
from core import selector
from metrics.models import Uses
from metrics.store import latest, layouts, parse
from servers.models import Server

ASKED_AT_ONCE = 500
OWN = {"clock_skew_seconds", "agent_outdated"}  # the hub finds these out itself: see alerts.inner


def warnings(rule: Rule) -> list[str]:
    """What makes a rule watch nothing today. It may be kept all the same: a server may come that tells it."""
    mine = servers_of(rule)
    if not mine:
        whose = "No server of this team is in production yet" if not rule.selector.strip() else "No server matches"
        return [f"{whose}: the rule waits for one."]
    if not rule.metric or rule.metric in OWN:
        return []
    told = columns(mine)
    names = {column.partition("{")[0] for column in told}
    if rule.metric not in names:
        return [_unknown(rule.metric, names)]
    fits = label_test(rule.labels)
    if not any(metric == rule.metric and fits(dict(labels)) for metric, labels in map(parse, told)):
        return [f"No server tells {rule.metric} with these labels: the rule waits for one."]
    return []


def servers_of(rule: Rule) -> list[Server]:
    """Those that it speaks of now."""
    chosen = selector.parse(rule.selector)
    servers = Server.objects.filter(team=rule.team_id, paused=False, internal=False).order_by("pk")
    return [server for server in servers if chosen.matches(server.words())]


def columns(servers: list[Server]) -> set[str]:
    """Everything that these servers told, by what is sealed of it and by their newest rows."""
    ids = [server.pk for server in servers]
    used = {row.layout.id for server in ids if (row := latest.get(server))}
    used.update(_sealed(ids))
    return {column for layout in used for column in layouts.by(layout).columns}


def _sealed(servers: list[int]) -> Iterator[int]:
    for place in range(0, len(servers), ASKED_AT_ONCE):
        some = Uses.objects.filter(server__in=servers[place : place + ASKED_AT_ONCE])
        yield from some.order_by().values_list("layout_id", flat=True).distinct()


def _unknown(metric: str, names: set[str]) -> str:
    near = get_close_matches(metric, names, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"No server of this rule tells {metric} yet: the rule waits for one.{meant}"
