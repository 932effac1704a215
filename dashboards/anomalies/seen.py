"""The servers that somebody may see, read once for all that the page about the unusual says of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from accounts.models import User
from dashboards.fleet.history import Fleet
from servers.models import Server


class One(NamedTuple):
    """A server as far as many thousands of them are looked through."""

    pk: int
    interval: int
    paused: bool
    team: int
    role: str


@dataclass(frozen=True)
class Seen:
    """All of them, in the order of their numbers."""

    servers: list[One]

    @classmethod
    def of(cls, user: User) -> Seen:
        rows = Server.objects.visible_to(user).order_by("pk")
        return cls([*map(One._make, rows.values_list("pk", "interval", "paused", "team_id", "role").iterator())])

    @cached_property
    def fleet(self) -> Fleet:
        return Fleet(np.array([one.pk for one in self.servers], np.int64))

    @property
    def active(self) -> dict[int, int]:
        """Who is not paused, with the seconds between its reports."""
        return {one.pk: one.interval for one in self.servers if not one.paused}

    def of_team(self, team: int) -> list[int]:
        return [one.pk for one in self.servers if one.team == team]

    def roles(self) -> dict[str, list[int]]:
        """Who is not paused and has a role."""
        found: dict[str, list[int]] = defaultdict(list)
        for one in self.servers:
            if one.role and not one.paused:
                found[one.role].append(one.pk)
        return found
