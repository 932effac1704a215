"""Servers with a past: rows written through the journal's writer, and our own sign of life beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accounts.models import Team
from ingest import writer
from metrics.store import DatabaseStore
from servers.models import Server

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
Spans = Iterable[tuple[int, int]]


class Past:
    """Tells samples every ten seconds from begin to end, but for some holes."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.count = 0
        self.written: dict[int, list[int]] = {}

    def server(self, name: str, begin: int, **fields: Any) -> Server:
        self.count += 1
        made = Server.objects.create(
            team=fields.pop("team", self.team),
            number=self.count,
            name=name,
            hostname=name,
            fingerprint=name,
            **fields,
        )
        Server.objects.filter(pk=made.pk).update(created_at=datetime.fromtimestamp(begin / 1000, UTC))
        made.refresh_from_db()
        return made

    def tell(
        self, server: Server, begin: int, end: int, holes: Spans = (), *, every: int = 10_000, **values: float
    ) -> None:
        times = np.arange(begin, end, every, dtype=np.int64)
        for start, until in holes:
            times = times[(times < start) | (times >= until)]
        named = values or {"cpu_used_percent": 12.5}
        self.write(server, tuple(named), times, np.tile(list(named.values()), (len(times), 1)))

    def write(self, server: Server, columns: tuple[str, ...], times: Any, values: Any) -> None:
        store = DatabaseStore(writer.writer().put)
        for place in range(0, len(times), 2000):
            store.append(server.pk, list(columns), times[place : place + 2000], values[place : place + 2000])
        self.written.setdefault(server.pk, []).extend(times.tolist())

    def ourselves(self, begin: int, end: int, holes: Spans = ()) -> Server:
        """The product's own sign of life, every fifteen seconds."""
        row, _ = Server.objects.get_or_create(
            internal=True,
            fingerprint="itself",
            defaults={"team": self.team, "number": 0, "name": "itself", "hostname": "itself"},
        )
        self.tell(row, begin, end, holes, every=15_000, canary=1.0)
        return row


@pytest.fixture
def past(team: Team, transactional_db: None) -> Iterator[Past]:
    yield Past(team)
    writer.stop()


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA = tmp_path


Make = Callable[..., Any]
