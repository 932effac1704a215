"""A judge on a simulated clock, and machines whose rows stand in the journal without a door."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from accounts.models import Team
from alerts.judging import Judge
from alerts.models import Alert, Notice, Rule
from metrics import blob
from metrics.layouts import layouts
from metrics.models import JournalRow
from metrics.names import layout_hash
from servers.models import Server

START = 1_795_000_000_000


@dataclass
class Simulated:
    """Seconds since the start; the judge looks at both clocks through it."""

    team: Team
    at: float = 0.0
    judge: Judge = field(default_factory=Judge)
    servers: dict[str, Server] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.begin(self.judge)

    def begin(self, judge: Judge) -> Judge:
        self.judge = judge
        judge.monotonic, judge.wall = (lambda: self.at + 1000.0), (lambda: START + round(self.at * 1000))
        judge.book.fleet.read_at = float("-inf")
        return judge

    def killed(self) -> None:
        """Another process goes on; this one said nothing more."""
        self.begin(Judge())

    def server(self, name: str = "web-1", **fields: object) -> Server:
        if name not in self.servers:
            number = len(self.servers) + 1
            self.servers[name] = Server.objects.create(
                team=self.team, number=number, name=name, hostname=name, fingerprint=name, **fields
            )
        return self.servers[name]

    def rule(self, **fields: object) -> Rule:
        """Known from the next turn on."""
        whole = {"name": "hot", "metric": "cpu", "group_wait": 0, **fields}
        made = Rule.objects.create(team=self.team, **whole)
        self.judge.rules_changed.set()
        return made

    def report(self, name: str = "web-1", /, *, ago: float = 0.0, **values: float) -> None:
        """A row that arrives now, and whether it was measured earlier."""
        columns = [column.replace("__", '{mount="/') + '"}' if "__" in column else column for column in values]
        layout = layouts.learn(layout_hash(columns), columns)
        now = START + round(self.at * 1000)
        taken = now - round(ago * 1000)
        JournalRow.objects.create(
            server=self.server(name), layout_id=layout.id, received=now, start=taken, end=taken,
            rows=blob.pack(np.array([taken]), np.array([list(values.values())], float)),
        )  # fmt: skip

    def go(self, seconds: float, *, every: float = 5.0) -> None:
        """Time passes; the judge sweeps on."""
        end = self.at + seconds
        while self.at < end:
            self.at = min(end, self.at + every)
            self.turn()

    def turn(self) -> None:
        while self.judge.step():
            pass

    def run(
        self, values: list[float | None], *, name: str = "web-1", metric: str = "cpu", every: float = 10.0
    ) -> None:
        """A sample each interval; None is one that did not come."""
        for value in values:
            if value is not None:
                self.report("web-1", **{metric: value})
            self.turn()
            self.go(every)

    def states(self) -> list[str]:
        return list(Alert.objects.open().order_by("pk").values_list("state", flat=True))


def told() -> list[str]:
    """Every change worth telling, in its order."""
    return list(Notice.objects.order_by("pk").values_list("kind", flat=True))
