"""What the servers of a rule really tell: so that a slip of the pen is seen when a rule is made, not months later."""

from __future__ import annotations

from collections import defaultdict
from difflib import get_close_matches
from functools import cached_property

from alerts.compiled import label_test
from alerts.models import Rule
from core import selector
from metrics.models import Uses
from metrics.store import latest, layouts, parse
from servers.models import Server

ASKED_AT_ONCE = 500
OWN = {"clock_skew_seconds", "agent_outdated"}  # the hub finds these out itself: see alerts.inner


class Fleet:
    """The servers of a team and what each tells, read once for however many rules are asked about."""

    def __init__(self, team: int) -> None:
        watched = Server.objects.judged().filter(team=team, paused=False).order_by("pk")
        self.servers = [(server, server.words()) for server in watched]
        self.chosen: dict[str, list[Server]] = {}

    def of(self, rule: Rule) -> list[Server]:
        """Those that it speaks of now."""
        if rule.selector not in self.chosen:
            meant = selector.parse(rule.selector).matches
            self.chosen[rule.selector] = [server for server, words in self.servers if meant(words)]
        return self.chosen[rule.selector]

    @cached_property
    def layouts(self) -> dict[int, set[int]]:
        """By server, what is sealed of it and the layout of its newest row."""
        found: dict[int, set[int]] = defaultdict(set)
        ids = [server.pk for server, _words in self.servers]
        for place in range(0, len(ids), ASKED_AT_ONCE):
            some = Uses.objects.filter(server__in=ids[place : place + ASKED_AT_ONCE]).order_by()
            for server, layout in some.values_list("server_id", "layout_id"):
                found[server].add(layout)
        for server in ids:
            if row := latest.get(server):
                found[server].add(row.layout.id)
        return found

    def told(self, servers: list[Server]) -> set[str]:
        """Everything that these servers told."""
        used = {layout for server in servers for layout in self.layouts.get(server.pk, ())}
        return {column for layout in used for column in layouts.by(layout).columns}


def warnings(rule: Rule, fleet: Fleet | None = None) -> list[str]:
    """What makes a rule watch nothing today. It may be kept all the same: a server may come that tells it."""
    fleet = fleet or Fleet(rule.team_id)
    mine = fleet.of(rule)
    if not mine:
        whose = "No server of this team is in production yet" if not rule.selector.strip() else "No server matches"
        return [f"{whose}: the rule waits for one."]
    if not rule.metric or rule.metric in OWN:
        return []
    told = fleet.told(mine)
    names = {column.partition("{")[0] for column in told}
    if rule.metric not in names:
        return [_unknown(rule.metric, names)]
    fits = label_test(rule.labels)
    if not any(metric == rule.metric and fits(dict(labels)) for metric, labels in map(parse, told)):
        return [f"No server tells {rule.metric} with these labels: the rule waits for one."]
    return []


def servers_of(rule: Rule) -> list[Server]:
    """Those that it speaks of now."""
    return Fleet(rule.team_id).of(rule)


def _unknown(metric: str, names: set[str]) -> str:
    near = get_close_matches(metric, names, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"No server of this rule tells {metric} yet: the rule waits for one.{meant}"
