"""What the judgement is worth and what it costs: every detector over labelled series, a tick, a night of training.

Without --data the series are made up, with planted faults; with it, the folder holds one sub-folder per data set.
--write FOLDER puts each table, as soon as it is made, in the place of the one before in quality.md or forecasts.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # one core: honest CPU figures

# ruff: noqa: E402 - the maths libraries read it when they are first imported

import numpy as np

from bench import _events, _planted
from ml import pipeline
from ml.detectors import LIVE, registry
from ml.evaluation.anomalies import SETS, Series, judged, load
from ml.preprocess import Floats, Times
from ml.stacked import Stack

MANY = ("smd", "asd", "svc2")  # of many metrics: the sets that count
BEGIN, END = "<!-- made by ./watchkeeper bench ml -->", "<!-- end -->"
JUDGED, TASKS = ("ships", "detectors", "cost"), ("exhaustion", "breach", "disks")
COLUMNS = (
    ("events", "events", ".0f"), ("precision", "precision", ".2f"), ("recall", "recall", ".2f"), ("f1", "F1", ".3f"),
    ("chance", "chance F1", ".3f"), ("false_points", "false points %", ".2f"),
    ("false_day", "false alerts/day", ".2f"),
    ("alerts_day", "alerts/day", ".2f"), ("delay", "delay min", ".0f"), ("accuracy", "accuracy %", ".1f"),
    ("always_no", "always-no %", ".1f"), ("balanced", "balanced %", ".1f"),
)  # fmt: skip
Named = dict[str, list[Series]]


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench ml", description=__doc__, allow_abbrev=False)
    asked.add_argument("--data", type=Path, help="folder with one sub-folder per data set")
    asked.add_argument("--quick", action="store_true", help="leave out the detectors of scikit-learn")
    asked.add_argument("--only", help=f"comma list of {', '.join(JUDGED)}, and with --data {', '.join(TASKS)}")
    asked.add_argument("--write", type=Path, help="folder of quality.md and forecasts.md, which take the tables")
    found = asked.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
    every = JUDGED + TASKS if found.data else JUDGED
    wanted = found.only.split(",") if found.only else every
    if unknown := set(wanted) - set(every):
        asked.error(f"no such part here: {', '.join(sorted(unknown))}")
    sets = _sets(found.data) if set(wanted) & set(JUDGED) else {}
    for part in [part for part in every if part in wanted]:
        began = time.monotonic()
        title, lines = _task(found.data, part) if part in TASKS else _part(part, sets, found)
        document = found.write and found.write / ("forecasts.md" if part in TASKS else "quality.md")
        _made(title, lines, document)
        print(f"\n({part}: {time.monotonic() - began:.0f} s)", flush=True)
    return 0


def _made(title: str, lines: Iterator[str], document: Path | None) -> None:
    """Print them, and put them into the document in place of what stood there under this title."""
    made = []
    for line in chain((f"### {title}", ""), lines):
        print(line, flush=True)
        made.append(line)
    if document:
        head, rest = document.read_text().split(BEGIN)
        old, foot = rest.split(END, 1)
        document.write_text(head + BEGIN + "\n\n" + replaced(old, title, "\n".join(made)) + "\n" + END + foot)


def replaced(tables: str, title: str, fresh: str) -> str:
    """The parts of a document that begin with their titles, this one as it is now; a new one comes last."""
    parts = {part.split("\n", 1)[0]: f"### {part.strip()}\n" for part in ("\n" + tables).split("\n### ")[1:]}
    parts[title] = fresh.strip() + "\n"
    return "\n".join(parts.values())


def _part(part: str, sets: Named, found: argparse.Namespace) -> tuple[str, Iterator[str]]:
    if part == "ships":
        where = "labelled data" if found.data else "made-up servers with planted faults"
        return f"What ships, on {where}", _table(sets, LIVE)
    if part == "cost":
        return "Cost", _costs()
    kinds = [kind for kind in registry if not (found.quick and ("sklearn" in kind or kind not in LIVE))]
    some = {name: sets[name] for name in sets if name in MANY or not found.data}
    return "Each detector alone, and its cost", _detectors(some, kinds)


def _sets(data: Path | None) -> Named:
    if data is None:
        return {"made up": [_planted.series(seed) for seed in range(6)]}
    found = {name: [load(path) for path in sorted((data / name).glob("*.npz"))] for name in SETS}
    return {name: series for name, series in found.items() if series}


def _figures(series: list[Series], detectors: tuple[str, ...]) -> dict[str, float]:
    total = _events.Counts()
    for each in series:
        total += _events.counted(each.labels, judged(each, detectors)[1], each.step_s)
    return _events.figures(total)


def _table(sets: Named, detectors: tuple[str, ...]) -> Iterator[str]:
    yield "| set | series | " + " | ".join(title for _, title, _ in COLUMNS) + " |"
    yield "|---" * (len(COLUMNS) + 2) + "|"
    rows = []
    for name, series in sets.items():
        row = _figures(series, detectors)
        if name in MANY:
            rows.append(row)
        yield _line(name, len(series), row)
    if rows:
        mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        yield _line("mean of " + ", ".join(MANY), sum(len(sets[name]) for name in MANY), mean)


def _line(name: str, count: int, row: dict[str, float]) -> str:
    return f"| {name} | {count} | " + " | ".join(format(row[key], spec) for key, _, spec in COLUMNS) + " |"


def _detectors(sets: Named, kinds: list[str]) -> Iterator[str]:
    yield (
        "| detector | " + " | ".join(f"{name}: F1 (chance), false points %" for name in sets) + " | fit ms | row us |"
    )
    yield "|---" * (len(sets) + 3) + "|"
    for kind in [*kinds, "+".join(LIVE)]:
        names, cells = tuple(kind.split("+")), []
        for series in sets.values():
            row = _figures(series, names)
            cells.append(f"{row['f1']:.3f} ({row['chance']:.2f}), {row['false_points']:.2f}")
        fit, score = _cost(names)
        title = registry.get(kind).title if kind in registry.kinds else "**all that ship**"
        yield f"| {title} | {' | '.join(cells)} | {fit:.0f} | {score:.1f} |"


def week() -> tuple[Times, Floats, tuple[str, ...]]:
    """A week at one row a minute, 40 metrics."""
    dice = np.random.default_rng(0)
    times = _planted.START + np.arange(7 * 1440) * 60_000
    load = 30 + 10 * np.sin(2 * np.pi * np.arange(len(times)) / 1440)
    values = load[:, None] * dice.uniform(0.2, 1.5, 40) + dice.normal(0, 2, (len(times), 40))
    return times, values, tuple(f"metric_{number}" for number in range(40))


def _cost(detectors: tuple[str, ...]) -> tuple[float, float]:
    times, values, columns = week()
    options = pipeline.Options(detectors, tick_ms=60_000)
    pipeline.fit(times[:100], values[:100], columns, options=options)  # so that imports are not counted
    began = time.process_time()
    model = pipeline.fit(times, values, columns, options=options)
    fitted = time.process_time()
    pipeline.replay(model, times, values)
    return 1e3 * (fitted - began), 1e6 * (time.process_time() - fitted) / len(times)


def _costs(servers: int = 1000, rounds: int = 30) -> Iterator[str]:
    times, values, columns = week()
    model = pipeline.fit(times, values, columns)
    yield "| what | measured | must / goal |\n|---|---|---|"
    for told, name in ((float("inf"), "calm"), (0.0, "each with its reasons")):
        spent, state = _tick(model, values[-1], told, (servers, rounds))
        yield f"| a tick of {servers} servers x 40 metrics, {name} | {spent:.1f} ms CPU | 50 / 15 |"
    began = time.process_time()
    for _ in range(5):
        pipeline.fit(times, values, columns)
    fit = (time.process_time() - began) / 5
    began = time.process_time()
    for _ in range(5):
        pipeline.recalibrated(model, times[-7200:], values[-7200:])
    night = (time.process_time() - began) / 5
    yield f"| its state | {state:.0f} MB | - |"
    yield f"| weekly fit of {servers} servers, seven days | {fit * servers / 60:.1f} CPU-minutes | 15 / 4 |"
    yield f"| nightly look-back of {servers} servers over five days | {night * servers / 60:.1f} CPU-minutes | - |"
    yield f"| a model as kept | {len(model.pack()) / 1000:.0f} kB | - |"
    yield f"| highest memory of a process that fits one | {_peak_mib(LIVE):.0f} MiB | 300 |"
    yield f"| the same with every detector of scikit-learn | {_peak_mib(tuple(registry)):.0f} MiB | 300 |"


def _tick(model: pipeline.Model, usual: Floats, told: float, size: tuple[int, int]) -> tuple[float, float]:
    """Milliseconds of a tick, and megabytes of what is held between ticks."""
    servers, rounds = size
    stack, dice, keys, now = Stack(told), np.random.default_rng(1), list(range(servers)), model.to_ms
    for key in keys:
        stack.put(key, model)
    rows = [usual + dice.normal(0, 2, (servers, 40)) for _ in range(rounds + 1)]
    stack.tick(now + 10_000, keys, rows[0])
    began = time.process_time()
    for turn in range(1, rounds + 1):
        stack.tick(now + 10_000 * (turn + 1), keys, rows[turn])
    spent = 1e3 * (time.process_time() - began) / rounds
    return spent, sum(group.bytes for group in stack.groups.values()) / 1e6


FIT = """
from pathlib import Path
from bench import ml
from ml import pipeline
times, values, columns = ml.week()
pipeline.fit(times, values, columns, options=pipeline.Options({detectors!r}))
# Not ru_maxrss: it remembers the process that started this one.
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line))
"""


def _peak_mib(detectors: tuple[str, ...]) -> float:
    program = [sys.executable, "-c", FIT.format(detectors=detectors)]
    return float(subprocess.run(program, check=True, capture_output=True, text=True).stdout) / 1024


def _task(data: Path, name: str) -> tuple[str, Iterator[str]]:
    """What another task says of itself."""
    import django

    django.setup()
    from ml import evaluation

    return name.capitalize(), _spaced(evaluation.all_tasks().get(name)(data, Path(os.devnull)))


def _spaced(lines: Iterator[str]) -> Iterator[str]:
    """Tables as they are, with an empty line on both sides, and all else as a list."""
    table: bool | None = None
    for line in filter(None, lines):
        before, table = table, line.startswith("|")
        if before not in {None, table}:
            yield ""
        yield line if table else f"- {line}"


if __name__ == "__main__":
    sys.exit(main())
