"""A year of rollups as the store keeps them, written straight into its tables."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from accounts.models import Team, User
from checks import series, services
from checks.models import Check
from core.clock import milliseconds, now
from metrics import tiers
from metrics.layouts import layouts
from metrics.models import Chunk, FleetChunk, Uses
from metrics.names import layout_hash
from metrics.rollups import Floats, Ints, Rolled
from metrics.tiers import COARSE, DAY, FINE, HOUR, MONTH, STEP
from servers.models import Server

COLUMNS = ["cpu_used_percent", "memory_used_percent", 'disk_used_percent{mount="/"}']
BLOCK = 256
OUTAGES = 12  # of each server, in a year
PER_HOUR, PER_STEP = 360, 30
FINE_DAYS = 90


class Year:
    """Servers that tell every ten seconds, each with some outages of minutes to hours."""

    def __init__(self, servers: int, checks: int = 0) -> None:
        self.random = np.random.default_rng(4)
        self.end = milliseconds() // HOUR * HOUR
        self.start = self.end - 366 * DAY
        self.count, self.looked = servers, checks

    def write(self) -> None:
        if not User.objects.exists():
            User.objects.create_superuser("owner@example.org")
        team = Team.objects.order_by("pk").first() or Team.objects.create(name="Main")
        made = now() - timedelta(days=400)
        Server.objects.bulk_create(
            [
                Server(team=team, number=1000 + n, name=f"bench-{n:04}", hostname=f"b{n}", fingerprint=f"b{n}")
                for n in range(1, self.count + 1)
            ]
        )  # fmt: skip
        ours = Server.objects.filter(name__startswith="bench-")
        ours.update(created_at=made)
        self.servers = np.array(sorted(ours.values_list("pk", flat=True)), np.int64)
        layout = layouts.learn(layout_hash(COLUMNS), COLUMNS)
        Uses.objects.bulk_create(
            [
                Uses(server_id=int(one), layout_id=layout.id, first=self.start, last=self.end, judged=self.end)
                for one in self.servers
            ]
        )
        self.holes = [self._outages() for _ in self.servers]
        self._by_metric([int(one) for one in layout.series])
        self._by_server([int(one) for one in layout.series])
        self._ourselves(team)
        for number in range(self.looked):
            self._check(team, number)

    def _check(self, team: Team, number: int) -> None:
        """One that stands alone, looked at every minute, with outages of its own."""
        made = Check(team=team, kind="tcp", name=f"bench {number:04}", target="192.0.2.1:80", interval=60)
        services.make(made, by=None)
        Check.objects.filter(pk=made.pk).update(created_at=now() - timedelta(days=400))
        columns = list(series.columns(made))
        layout = layouts.learn(layout_hash(columns), columns)
        Uses.objects.create(
            server_id=made.server_id, layout_id=layout.id, first=self.start, last=self.end, judged=self.end
        )
        up = np.array([int(layout.series[0])], np.int64)
        holes, rows = self._outages(), []
        for span in range(self.start - self.start % MONTH, self.end, MONTH):
            times = np.arange(max(span, self.start - self.start % HOUR), min(span + MONTH, self.end), HOUR)
            failed = np.zeros(len(times))
            for start, end in holes:
                failed += np.clip(np.minimum(times + HOUR, end) - np.maximum(times, start), 0, HOUR) / HOUR
            mean = (1.0 - np.clip(failed, 0.0, 1.0))[:, None]
            rolled = Rolled(times, up, np.floor(mean), np.ceil(mean), mean, np.full(mean.shape, 60.0))
            rows.append(
                Chunk(
                    server_id=made.server_id, tier=COARSE, span=span, part=0, start=int(times[0]), end=int(times[-1]),
                    data=tiers.pack(rolled),
                )
            )  # fmt: skip
        Chunk.objects.bulk_create(rows)

    def _outages(self) -> list[tuple[int, int]]:
        starts = self.random.integers(self.start, self.end - DAY, OUTAGES)
        lengths = self.random.integers(2, 240, OUTAGES) * 60_000
        return [(int(start), int(start + length)) for start, length in zip(starts, lengths, strict=True)]

    def _counts(self, place: int, times: Ints, step: int, most: int) -> Floats:
        counts = np.full(len(times), float(most))
        for start, end in self.holes[place]:
            lost = np.clip(np.minimum(times + step, end) - np.maximum(times, start), 0, step)
            counts -= np.floor(most * lost / step)
        return np.clip(counts, 0.0, None, out=counts)

    def _by_metric(self, series: list[int]) -> None:
        begin = self.start - self.start % MONTH
        for span in range(begin, self.end, MONTH):
            times = np.arange(max(span, self.start - self.start % HOUR), min(span + MONTH, self.end), HOUR)
            counts = np.stack([self._counts(place, times, HOUR, PER_HOUR) for place in range(self.count)], axis=1)
            for one in series:
                self._blocks(one, span, times, counts)

    def _blocks(self, series: int, span: int, times: Ints, counts: Floats) -> None:
        for block in np.unique(self.servers // BLOCK):
            mine = self.servers // BLOCK == block
            rolled = self._rolled(times, self.servers[mine], counts[:, mine])
            FleetChunk.objects.create(
                series_id=series, tier=COARSE, block=int(block), span=span, data=tiers.pack_fleet(rolled)
            )

    def _rolled(self, times: Ints, series: Ints, counts: Floats) -> Rolled:
        mean = np.round(40 + 20 * self.random.random(counts.shape), 2)
        mean[counts == 0] = np.nan
        return Rolled(times, series, np.round(mean - 5, 2), np.round(mean + 5, 2), mean, counts)

    def _by_server(self, series: list[int]) -> None:
        """The five minutes of the days on which something was down: nobody looks at the others here."""
        rows = []
        for place, server in enumerate(self.servers.tolist()):
            days = {moment - moment % DAY for hole in self.holes[place] for moment in hole}
            for day in sorted(days):
                if day < self.end - FINE_DAYS * DAY:
                    continue
                times = np.arange(day, day + DAY, STEP)
                counts = np.repeat(self._counts(place, times, STEP, PER_STEP)[:, None], len(series), axis=1)
                rolled = self._rolled(times, np.array(sorted(series), np.int64), counts)
                data = tiers.pack(rolled)
                rows.append(
                    Chunk(server_id=server, tier=FINE, span=day, part=0, start=day, end=day + DAY - 1, data=data)
                )
        Chunk.objects.bulk_create(rows, batch_size=500)

    def _ourselves(self, team: Team) -> None:
        named = {"team": team, "number": 0, "name": "itself", "hostname": "itself"}
        row, _ = Server.objects.get_or_create(internal=True, fingerprint="itself", defaults=named)
        layout = layouts.learn(layout_hash(["canary"]), ["canary"])
        Uses.objects.create(server_id=row.pk, layout_id=layout.id, first=self.start, last=self.end, judged=self.end)
        one = np.array([int(layout.series[0])], np.int64)
        for span in range(self.start - self.start % MONTH, self.end, MONTH):
            times = np.arange(max(span, self.start - self.start % HOUR), min(span + MONTH, self.end), HOUR)
            rolled = self._rolled(times, one, np.full((len(times), 1), 240.0))
            Chunk.objects.create(
                server_id=row.pk, tier=COARSE, span=span, part=0, start=int(times[0]), end=int(times[-1]),
                data=tiers.pack(rolled),
            )  # fmt: skip
