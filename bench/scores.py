"""What judging a fleet costs: the consumer "scores" over the journal as it is, and learning it in the child."""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench import _figures as figures

GRID = 10_000
COLUMNS = [
    *("cpu_used_percent", "cpu_iowait_percent", "load1", "memory_used_percent", "swap_used_percent", "processes"),
    *("pressure_cpu_percent", "pressure_memory_percent", "pressure_io_percent", "threads"),
    *(f'cpu_core_used_percent{{core="{core}"}}' for core in range(8)),
    *(f'disk_used_percent{{mount="/{name}"}}' for name in ("", "home", "var", "srv")),
    *(f'disk_util_percent{{device="sd{name}"}}' for name in "abcd"),
    *(f'disk_write_bytes_per_second{{device="sd{name}"}}' for name in "abcd"),
    *(f'net_received_bytes_per_second{{nic="eth{number}"}}' for number in range(5)),
    *(f'net_sent_bytes_per_second{{nic="eth{number}"}}' for number in range(5)),
]


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench scores", description=__doc__, allow_abbrev=False)
    asked.add_argument("--servers", type=int, default=1000)
    asked.add_argument("--ticks", type=int, default=60)
    asked.add_argument("--learn", type=int, default=0, help="Learn so many servers of a week each.")
    found = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(WATCHKEEPER_DATA=folder, DJANGO_SETTINGS_MODULE="monitor.settings")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        if found.learn:
            of_learning(found.learn)
        else:
            of_ticks(found.servers, found.ticks)
    return 0


def usual(times: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * times / 86_400_000)[:, None]
    middle = np.random.default_rng(0).uniform(10, 1000, len(COLUMNS))
    return np.round(np.abs(middle * (1 + 0.1 * wave + 0.05 * rng.normal(size=(len(times), len(COLUMNS))))), 2)


def fleet(count: int) -> list[Any]:
    from accounts.models import Team
    from servers.models import Server

    team = Team.objects.create(name="Bench")
    Server.objects.bulk_create(
        Server(team=team, number=one, name=f"s{one}", hostname=f"s{one}", fingerprint=str(one))
        for one in range(1, count + 1)
    )
    return list(Server.objects.filter(team=team).order_by("pk"))


def of_ticks(count: int, ticks: int) -> None:
    from core.clock import milliseconds
    from metrics import running
    from ml.scores import consumer

    servers, at = fleet(count), milliseconds() // GRID * GRID - ticks * GRID
    size = learnt(servers, at)
    running.writer()
    scorer = consumer.Scorer()
    clock = [0.0]
    scorer.monotonic = lambda: clock.__setitem__(0, clock[0] + 0.01) or clock[0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scorer.step()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    spent, whole, written = [], [], 0
    for tick in range(ticks):
        report(servers, at + (tick + 1) * GRID, tick)
        clock[0] += consumer.TICK + 1
        before_it, began, all_began = _written(), time.thread_time(), time.process_time()
        while scorer.step():
            pass
        spent.append(time.thread_time() - began)
        whole.append(time.process_time() - all_began)
        written += _written() - before_it
    steady = sorted(spent[len(spent) // 4 :])
    median = 1000 * steady[len(steady) // 2]
    figures.row(f"tick of {count} servers x {len(COLUMNS)}, ms CPU, median", f"{median:.1f}", "15")
    figures.row("the same, mean with writing", f"{1000 * sum(spent) / len(spent):.1f}", "50")
    figures.row("the same, all threads", f"{1000 * sum(whole) / len(whole):.1f}", "-")
    figures.row("memory for models and stack, MiB", f"{grown:.0f}", "-")
    figures.row("bytes of a stored model", str(size), "-")
    figures.row("bytes written to disk per point", f"{written / max(1, scorer.judged):.0f}", "-")
    of_rows(scorer.judged)
    running.stop()


def of_rows(points: int) -> None:
    from metrics.models import JournalRow

    own = JournalRow.objects.filter(boot="#own")
    held = sum(len(bytes(one)) for one in own.values_list("rows", flat=True))
    figures.row("points judged", str(points), "-")
    figures.row("journal rows of ours", str(own.count()), "-")
    figures.row("their bytes", str(held), "-")


def learnt(servers: list[Any], at: int) -> int:
    """One model for all of them; gives its size."""
    import hashlib

    from core.clock import now
    from metrics.store import layout_hash
    from ml import pipeline
    from ml.models import ModelVersion, Watch

    past = np.arange(at - 2 * 86_400_000, at, 60_000)
    model = pipeline.fit(past, usual(past, 1), tuple(COLUMNS), step_ms=60_000)
    packed = model.pack()
    ModelVersion.objects.bulk_create(
        ModelVersion(
            server=one, number=1, state="current", why="first", columns=list(model.columns),
            schema=layout_hash(list(model.columns)), span_from=0, span_to=at, rows=2880,
            sha256=hashlib.sha256(packed).hexdigest(), blob=packed, made_at=now(),
        ) for one in servers
    )  # fmt: skip
    versions = dict(ModelVersion.objects.values_list("server_id", "pk"))
    Watch.objects.bulk_create(
        Watch(server=one, since=0, full_at=0, version_id=versions[one.pk], threshold=3.0) for one in servers
    )
    return len(packed)


def report(servers: list[Any], at: int, seq: int) -> None:
    from metrics import blob
    from metrics.inside import layout_of
    from metrics.models import JournalRow

    times = np.array([at])
    rows, layout = blob.pack(times, usual(times, seq)), layout_of(COLUMNS).id
    JournalRow.objects.bulk_create(
        JournalRow(server=one, layout_id=layout, received=at + 500, start=at, end=at, boot="b", seq=seq, rows=rows)
        for one in servers
    )


def _written() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes"):
            return int(line.split()[1])
    return 0


def of_learning(count: int) -> None:
    from core.clock import milliseconds, now
    from core.models import Cursor
    from metrics import blob, merging, sealing
    from metrics.inside import layout_of
    from metrics.models import JournalRow
    from ml.models import Training, Watch
    from ml.training import work

    servers, layout, end = fleet(count), layout_of(COLUMNS), milliseconds() // GRID * GRID
    for one in servers:
        for day in range(7):
            times = np.arange(end - (7 - day) * 86_400_000, end - (6 - day) * 86_400_000, GRID)
            values = usual(times, one.pk)
            JournalRow.objects.bulk_create(
                JournalRow(server=one, layout_id=layout.id, received=part[-1], start=part[0], end=part[-1], boot="b",
                           seq=day, rows=blob.pack(part, values[begin : begin + 360]))
                for begin in range(0, len(times), 360) if len(part := times[begin : begin + 360])
            )  # fmt: skip
    Watch.objects.bulk_create(Watch(server=one, since=end - 7 * 86_400_000) for one in servers)
    Training.objects.bulk_create(Training(server=one, why="first", due_at=now()) for one in servers)
    newest = JournalRow.objects.latest("pk").pk
    Cursor.objects.start("rules")
    Cursor.objects.start("sealed")
    Cursor.objects.update(place=newest)
    sealing.seal(0, newest)
    JournalRow.objects.all().delete()
    while merging.step(end, 60.0):  # as it is kept from the next hours on
        pass
    began = time.process_time()
    done = work.work(count, 3600)
    spent = time.process_time() - began
    figures.row(f"learning a week of {len(COLUMNS)} series, s CPU a server", f"{spent / max(1, done):.2f}", "0.24")
    figures.row("the same, CPU-minutes for 1,000", f"{spent / max(1, done) * 1000 / 60:.1f}", "4 (15)")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures.row("most memory of the process, MiB", f"{most:.0f}", "300")


if __name__ == "__main__":
    raise SystemExit(main())
