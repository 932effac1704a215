"""The hour's and the quarter's work: servers block by block, so that time and memory are bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from core.clock import milliseconds
from metrics.base import HOURS
from metrics.services import TooManySeries, put
from metrics.store import parse, write
from ml import rightsizing
from ml.forecast import FAR, Outlook
from ml.foretell import disks, risks, running_out
from ml.foretell.reading import Floats, levels
from ml.foretell.running_out import Said
from ml.foretell.things import RISK, SERIES
from ml.models import Forecast, Risk, Sizing
from servers.models import Server

BLOCK = 250
SIZED = 14 * 24
WAIT = 30.0


def blocks() -> Iterator[list[int]]:
    every = list(Server.objects.watched().order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(every), BLOCK):
        yield every[start : start + BLOCK]


def hour(now: int | None = None) -> int:
    """Everything anew; gives how many things were looked at."""
    at = now or milliseconds()
    count = 0
    for servers in blocks():
        said = running_out.keep(list(running_out.all_of(servers, at)), servers, at)
        disks.keep(disks.judge(servers, at), servers, at)
        size(servers, at)
        _judge_risks(servers, said, at, told=said)
        count += len(said)
    return count


def quarter(now: int | None = None) -> None:
    """The risks alone, by what was forecast last: a crossing within the hour cannot wait for the next one."""
    at = now or milliseconds()
    for servers in blocks():
        rows = Forecast.objects.filter(server__in=servers)
        _judge_risks(servers, [_again(row) for row in rows], at, told=())


def _again(row: Forecast) -> Said:
    look = Outlook(row.state, row.reason, row.value, left=row.seconds_left, chances=tuple(row.chances.items()))
    return Said(row.server_id, row.metric, row.labels, row.limit or 0.0, look)


def _judge_risks(servers: Sequence[int], said: Sequence[Said], at: int, told: Sequence[Said]) -> None:
    rows = risks.judge(servers, said, risks.near_lines(servers, at), at)
    risks.keep(rows)
    tell(told, rows, at)


def size(servers: Sequence[int], now: int) -> None:
    cpu, memory = (_by_server(metric, servers, now) for metric in ("cpu_used_percent", "memory_used_percent"))
    rows = []
    for server in cpu.keys() & memory.keys():
        state, figures = rightsizing.judge(cpu[server], memory[server])
        rows.append(Sizing(server_id=server, state=state, figures=figures, at=now))
    Sizing.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["server"],
        update_fields=["state", "figures", "at"],
        batch_size=500,
    )


def _by_server(metric: str, servers: Sequence[int], now: int) -> dict[int, Floats]:
    found: dict[int, Floats] = {}
    for one in levels(metric, servers, now, SIZED, HOURS):
        if not one.key[1]:
            found.update(zip(one.servers, one.values.T, strict=True))
    return found


def tell(said: Sequence[Said], rows: Sequence[Risk], now: int) -> None:
    """As series, so that rules can look at them."""
    columns: dict[int, dict[str, float]] = defaultdict(dict)
    for one in said:
        if (left := left_of(one)) is not None:
            labels = (("metric", one.metric), *parse(f"x{one.labels}")[1])
            columns[one.server][SERIES + write(tuple(sorted(labels)))] = left
    for row in rows:
        if row.percent is not None:
            columns[row.server_id][f'{RISK}{{horizon="{row.horizon}"}}'] = row.percent
    last = max(columns, default=0)
    for server, values in sorted(columns.items()):
        try:
            # One is waited for, so that the queue holds no more than a block of servers.
            put(server, tuple(values), [now], [list(values.values())], wait=WAIT if server == last else 0.0)
        except TooManySeries:
            continue  # the forecasts stand in their table all the same


def left_of(one: Said) -> float | None:
    """Until something was forecast there is no series. Then what is no longer in sight is told as two years: an alert
    that was right has an end; and of what is unclear the later end, so that a guess wakes nobody."""
    look = one.outlook
    if look.state == "predictable":
        return look.left
    if one.row is None or not one.row.said:
        return None
    return min(look.high or FAR, FAR) if look.state == "unclear" else FAR
