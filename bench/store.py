"""What a stored sample costs: bytes and CPU of the codec, then of the database with seal, merge and questions."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from bench import _peers
from bench._figures import judged, row
from bench._mixes import COLUMNS, DAY, MIXES, STEP, Floats
from metrics import codec, rollups, tiers
from metrics.codec import Part
from metrics.rollups import Rolled
from tests.product import Product
from tests.services import Services

HOUR, PART = 360, 30
SERVERS, HOURS = 16, 24
START = 1_760_000_400_000 - 1_760_000_400_000 % (DAY * 1000)
KEYS = np.arange(100, 100 + COLUMNS)
ROUNDS = 3


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench store", description=__doc__, allow_abbrev=False)
    asked.add_argument("--servers", type=int, default=20, help="in the database")
    asked.add_argument("--hours", type=int, default=24, help="in the database")
    asked.add_argument("--postgres", action="store_true", help="PostgreSQL instead of SQLite")
    asked.add_argument("--codec", action="store_true", help="the codec alone, no database")
    found = asked.parse_args()
    for name, make in MIXES.items():
        print(f"{name}: {SERVERS} servers, {COLUMNS} series, {STEP} s")
        of_codec(make(SERVERS, HOUR * HOURS))
    against_others()
    if not found.codec:
        in_database(found.servers, found.hours, postgres=found.postgres)
    return 0


# Another store

# Prometheus compresses what is older than two hours of its own clock: a short run says nothing of it.
COMPARED = "VictoriaMetrics"
TOLD, TOLD_ROWS = 20, 1080


def against_others() -> None:
    """The same values in the files a peer keeps samples in (names not counted, as for us), after it has stopped."""
    peer = next((peer for peer in _peers.installed() if peer.name == COMPARED), None)
    if peer is None:
        print(f"{COMPARED} is not installed here, so nothing is compared.")
        return
    for name, make in MIXES.items():
        values = make(TOLD, TOLD_ROWS)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "peer"
            with _peers.started(peer, place) as running:
                _tell(running.url, values)
            theirs = sum(file.stat().st_size for file in (place / "data" / "data").rglob("*") if file.is_file())
        ours = sum(len(codec.encode(*part)) for day in values for part in _cut(day, HOUR))
        known = np.count_nonzero(~np.isnan(values))
        row(f"{name}: {COMPARED}, bytes per sample", f"{theirs / known:.3f}; we use {ours / theirs:.2f} of that", "-")


def _tell(url: str, values: Floats) -> None:
    address = urlsplit(url)
    columns = [f"bench_{number:02}" for number in range(COLUMNS)]
    headers = dict(line.split(": ") for line in _peers.HEAD.strip().splitlines())
    # As old as it may be: up to now.
    first = time.time() - STEP * values.shape[1]
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=30)) as connection:
        for at in range(values.shape[1]):
            for server in range(len(values)):
                known = ~np.isnan(values[server, at])
                names = [column for column, there in zip(columns, known, strict=True) if there]
                told = values[server, at, known].tolist()
                body = _peers.write_request(server, names, first + STEP * at, told)
                connection.request("POST", address.path, body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status >= 300:
                    raise SystemExit(f"{COMPARED} answered {answer.status}.")


# The codec


def of_codec(days: Floats) -> None:
    hours = [part for day in days for part in _cut(day, HOUR)]
    parts = [part for day in days[:, :HOUR] for part in _cut(day, PART)]
    blobs, encoding = _packed(hours)
    _, sealing = _packed(parts)
    # What was not measured costs next to nothing, and does not count.
    known = np.count_nonzero(~np.isnan(days))
    size = sum(map(len, blobs))
    judged("bytes per sample of an hour", f"{size / known:.3f}", "<= 1.30, stretch 1.15")
    judged("packing an hour, M samples per CPU second", f"{days.size / encoding / 1e6:.1f}", ">= 10")
    judged("packing five minutes, ms", f"{1000 * sealing / len(parts):.3f}", "<= 0.4")
    reading = _seconds(lambda: [codec.read(blob) for blob in blobs])
    judged("reading all of it, M samples per CPU second", f"{days.size / reading / 1e6:.1f}", ">= 20")
    one = _seconds(lambda: [codec.read(blob, [key]) for blob in blobs for key in KEYS[::12].tolist()])
    judged("reading one series of an hour, microseconds", f"{1e6 * one / len(blobs) / len(KEYS[::12]):.0f}", "<= 100")
    _of_rollups(days, size)


def _cut(day: Floats, rows: int) -> list[Part]:
    times = START + 1000 * STEP * np.arange(len(day))
    return [Part(times[at : at + rows], KEYS, day[at : at + rows]) for at in range(0, len(day), rows)]


def _packed(parts: list[Part]) -> tuple[list[bytes], float]:
    blobs = [codec.encode(*part) for part in parts]
    return blobs, _seconds(lambda: [codec.encode(*part) for part in parts])


def _seconds(work: Callable[[], object]) -> float:
    """The least CPU of a few rounds: others on the machine only ever add."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def _of_rollups(days: Floats, raw: int) -> None:
    times = START + 1000 * STEP * np.arange(days.shape[1])
    fine = [rollups.reduce(Part(times, KEYS, day), tiers.STEP) for day in days]
    by_server = sum(len(tiers.pack(one)) for one in fine)
    by_metric = sum(len(tiers.pack_fleet(_turned(fine, at))) for at in range(COLUMNS))
    coarse = [rollups.coarser(one, tiers.HOUR) for one in fine]
    hourly = sum(len(tiers.pack(one)) for one in coarse)
    hourly += sum(len(tiers.pack_fleet(_turned(coarse, at))) for at in range(COLUMNS))
    for name, size in (("by server", by_server), ("by metric", by_metric), ("hours, a day of each", hourly)):
        row(f"rollups {name}, % of raw", f"{100 * size / raw:.1f}", "-")
    judged("rollups in all, % of raw", f"{100 * (by_server + by_metric + hourly) / raw:.1f}", "<= 10")


def _turned(found: list[Rolled], at: int) -> Rolled:
    """One series over the servers."""
    kinds = (
        np.stack([getattr(one, kind)[:, at] for one in found], axis=1) for kind in ("low", "high", "mean", "count")
    )
    return Rolled(found[0].t, np.arange(len(found)), *kinds)


# The database

STORED = """
import json, time
import numpy as np
from django.db.models import Sum
from django.db.models.functions import Length
from accounts.models import Team
from bench import _peers
from bench._mixes import COLUMNS, machine
from core.clock import milliseconds
from core.models import Cursor
from metrics import behind, blob, chunks, merging, sealing
from metrics.layouts import layouts
from metrics.models import Chunk, FleetChunk, JournalRow
from metrics.names import layout_hash
from servers.models import Server

count, hours = {servers}, {hours}
team = Team.objects.get()
servers = [
    Server.objects.create(team=team, number=100 + n, name=f"b-{{n}}", hostname="b", fingerprint=f"b-{{n}}").pk
    for n in range(count)
]
columns = [f"bench_{{number:02}}" for number in range(COLUMNS)]
layout = layouts.learn(layout_hash(columns), columns)
# Yesterday, so that the day is over too.
day = 86_400_000
start = milliseconds() // day * day - day
values = machine(count, 360 * hours)
times = start + 10_000 * np.arange(360 * hours)
def spent(work):
    began = time.process_time()
    while work():
        pass
    return time.process_time() - began
sealing_took = 0.0
for at in range(0, len(times), 30):
    JournalRow.objects.bulk_create([
        JournalRow(
            server_id=server, layout_id=layout.id, received=int(times[n]) + 200, start=int(times[n]),
            end=int(times[n]), rows=blob.pack(times[n:n + 1], values[place, n:n + 1]),
        )
        for n in range(at, at + 30) for place, server in enumerate(servers)
    ], batch_size=200)
    # Nobody else is there to read the journal.
    Cursor.objects.exclude(name__in=behind.OURS).update(place=JournalRow.objects.latest("pk").pk)
    received = int(times[at + 29])
    sealing_took += spent(lambda: sealing.step(received + 2 * sealing.EVERY))
# First the hours; what that marks, days and series, is due when their day is over.
merging_took = spent(lambda: merging.step(milliseconds(), 10.0))
merging_took += spent(lambda: merging.step(milliseconds() + 2 * day, 10.0))
size = lambda model, **which: model.objects.filter(**which).aggregate(size=Sum(Length("data")))["size"] or 0
series = layout.series.tolist()
end = int(times[-1])
def asked(work, rounds=30):
    took = []
    for n in range(rounds):
        began = time.process_time()
        work(n)
        took.append(1000 * (time.process_time() - began))
    return sorted(took)[rounds // 2]
print(json.dumps({{
    "samples": values.size, "seal": sealing_took, "merge": merging_took,
    "raw": size(Chunk, tier=0), "server": size(Chunk, tier__gt=0), "fleet": size(FleetChunk),
    "parts": {{
        f"{{model.__name__}} {{tier}}": [model.objects.filter(tier=tier).count(), size(model, tier=tier)]
        for model in (Chunk, FleetChunk) for tier in (0, 300, 3600)
    }},
    "q1": asked(lambda n: chunks.raw(servers[n % count], [series[n]], end - 3_600_000 + 10_000, end)),
    "q2": asked(lambda n: chunks.rolled(servers[n % count], [series[n]], start, end, 300)),
    "q5": asked(lambda n: chunks.fleet(series[n], start, end)),
}}))
"""


def in_database(servers: int, hours: int, *, postgres: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        services = Services()
        stack.callback(services.stack.close)
        data = Path(folder) / "data"
        made = Product(data, DATABASE_URL=services.postgres()) if postgres else Product(data)
        product = stack.enter_context(made)
        # Its tables and its team are made at the first start; then this process is alone with the database.
        product.stop()
        did = json.loads(product.manage("shell", "-v", "0", "-c", STORED.format(servers=servers, hours=hours)))
    print(f"in {'PostgreSQL' if postgres else 'SQLite'}: {servers} servers, {hours} h")
    rate = did["samples"] / 1e6
    row("sealing, M samples per CPU second", f"{rate / did['seal']:.2f}", "-")
    row("merging and rollups, M samples per CPU second", f"{rate / did['merge']:.2f}", "-")
    judged("bytes per sample, raw", f"{did['raw'] / did['samples']:.3f}", "<= 1.30, stretch 1.15")
    by_server, by_metric = (100 * did[kind] / did["raw"] for kind in ("server", "fleet"))
    judged("rollups, % of raw", f"{by_server + by_metric:.1f} (by metric {by_metric:.1f})", "<= 10")
    for name, (blobs, size) in did["parts"].items():
        row(name, f"{blobs} blobs, {100 * size / did['raw']:.1f} % of raw", "-")
    judged("q1, one series, 1 h, CPU ms in store", f"{did['q1']:.2f}", "<= 3, stretch 0.25")
    judged("q2, one series in 5 minutes, CPU ms", f"{did['q2']:.2f}", "<= 5, stretch 2.1")
    judged("q5, all servers in 5 minutes, CPU ms", f"{did['q5']:.2f}", "<= 10 for 1,000 servers")


if __name__ == "__main__":
    sys.exit(main())
