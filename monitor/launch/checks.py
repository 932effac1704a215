"""`check`: every linter, then the tests on both databases; a table of what took how long and how it ended."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from monitor.launch import place, process, say
from monitor.launch.say import Trouble

LOGS = place.CACHE / "check"
FRONTEND = place.ROOT / "frontend"
TESTS = "./watchkeeper test"  # as README.md says it
WORKERS = 3  # more than two cores: much of a test's time is waiting
NOT_SPREAD = (
    "-n",
    "--numprocesses",
    "-k",
    "-s",
    "--pdb",
    "--lf",
    "--last-failed",
    "--co",
    "--collect-only",
    "--help",
    "--version",
)


@dataclass(frozen=True)
class Result:
    name: str
    seconds: float
    outcome: str  # "ok", "failed" or why it was not run
    passed: int = 0
    failed: int = 0

    @property
    def good(self) -> bool:
        return self.outcome.startswith("ok") or (
            self.outcome.startswith("not run") and os.environ.get("CI") != "true"
        )


class NotHere(Exception):
    """A step whose program this machine lacks."""


def check(arguments: Sequence[str]) -> int:
    """Run everything; the exit status is 0 only when every step is good."""
    if arguments and list(arguments) != ["--full"]:
        raise Trouble("check takes no arguments but --full; for a part of the tests use ./watchkeeper test …", code=2)
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    with ThreadPoolExecutor(max_workers=2) as pool:
        linted = pool.map(lambda named: _timed(*named), _linters().items())
        said = pool.submit(_languages, strict=bool(arguments))
    results = [
        *linted,
        said.result(),
        _tests("tests on SQLite", list(arguments)),
        _tests("tests on PostgreSQL", ["--db", "postgres", "--db-only"]),
    ]
    _table(results)
    return 0 if all(result.good for result in results) else 1


def _linters() -> dict[str, Callable[[], int]]:
    """The slow ones first, so that two workers end at about the same time."""
    tool = place.VENV / "bin"
    commands: dict[str, list[str | Path]] = {
        "types": [tool / "mypy", "."],
        "format": [tool / "ruff", "format", "--check", "."],
        "lint": [tool / "ruff", "check", "."],
        "floors": [tool / "lint-imports"],
        "templates": [tool / "djlint", "templates", "--lint", "--quiet"],
        "migrations": [place.PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    }
    quick = {name: partial(_logged, name, words) for name, words in commands.items()}
    return {"types": quick.pop("types"), "frontend": _frontend, **quick}


def _languages(*, strict: bool) -> Result:
    """Whatever is not translated yet fails the full check; every day it is only said."""
    found = _timed("languages", partial(_logged, "languages", [place.PYTHON, "manage.py", "translate", "--check"]))
    return found if strict or found.good else replace(found, outcome="ok, but texts wait for translation", failed=0)


def _logged(name: str, words: Sequence[str | Path]) -> int:
    env = {**os.environ, "WATCHKEEPER_DATA": str(LOGS / "data"), "PYTHONPATH": str(place.ROOT / "agent")}
    return process.run(words, LOGS / f"{name}.log", dots=False, env=env)


def _timed(name: str, work: Callable[[], int]) -> Result:
    started = time.monotonic()
    try:
        outcome = "ok" if work() == 0 else "failed"
    except NotHere as missing:
        outcome = f"not run here because {missing}"
    result = Result(name, time.monotonic() - started, outcome, failed=int(outcome == "failed"))
    say.line(f"  {name:<20} {result.seconds:6.1f} s  {outcome}")
    if outcome == "failed":
        say.line((LOGS / f"{name}.log").read_text(encoding="utf-8", errors="replace").rstrip())
    return result


def _frontend() -> int:
    """Install by the lock, lint, types, unit tests, and the committed bundle against a fresh one."""
    if not shutil.which("npm"):
        raise NotHere("node and npm are missing (on Debian and Ubuntu: apt install nodejs npm)")
    run = partial(_npm, LOGS / "frontend.log")
    steps: list[list[str]] = [["ci", "--no-audit", "--no-fund"], ["run", "check"], ["run", "size"]]
    return next((1 for words in steps if run(words) != 0), 0) or _same_bundle(run)


def _npm(log: Path, words: Sequence[str]) -> int:
    return process.run(["npm", "--prefix", FRONTEND, *words], log, dots=False)


def _same_bundle(run: Callable[[Sequence[str]], int]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        if run(["run", "build", "--", "--outDir", folder, "--emptyOutDir"]) != 0:
            return 1
        unlike = different(Path(folder), place.ROOT / "static" / "dist")
    with (LOGS / "frontend.log").open("a", encoding="utf-8") as log:
        log.writelines(f"static/dist differs from a fresh build: {name}\n" for name in unlike)
    return 1 if unlike else 0


def different(fresh: Path, committed: Path) -> list[str]:
    """Files that two folders do not have in common, byte for byte."""
    names = {str(file.relative_to(base)) for base in (fresh, committed) for file in base.rglob("*") if file.is_file()}
    _, unlike, missing = filecmp.cmpfiles(fresh, committed, sorted(names), shallow=False)
    return sorted([*unlike, *missing])


def spread(arguments: Sequence[str]) -> list[str]:
    """The arguments of pytest: several workers for everything, one process for what somebody picked."""
    picked = any(
        argument.startswith(NOT_SPREAD) or (place.ROOT / argument.partition("::")[0]).exists()
        for argument in arguments
    )
    # A worker that a hanging test ended takes the run with it: one that followed would meet the same test.
    return [*arguments] if picked else ["-n", str(WORKERS), "--max-worker-restart=0", *arguments]


def _tests(name: str, arguments: Sequence[str]) -> Result:
    """The README's command, its output shown as it comes."""
    started = time.monotonic()
    say.line(f"\n{name}: {' '.join([TESTS, *arguments])}")
    code, text = _teed([*TESTS.split(), *arguments])
    closing = text[-2000:]
    passed, failed = (sum(map(int, re.findall(rf"(\d+) {word}", closing))) for word in ("passed", "(?:failed|error)"))
    outcome = "ok" if code == 0 and passed else "failed"
    return Result(name, time.monotonic() - started, outcome, passed, max(failed, int(outcome == "failed")))


def _teed(words: Sequence[str | Path]) -> tuple[int, str]:
    kept: list[str] = []
    child = subprocess.Popen(  # noqa: S603 - our own words, no shell
        [str(word) for word in words], cwd=place.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert child.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    for text in child.stdout:
        kept.append(text)
        say.line(text.rstrip("\n"))
    return child.wait(), "".join(kept)


def shown(words: Sequence[str | Path]) -> int:
    """Run a program to its end with its output on the screen."""
    return _teed(words)[0]


def _table(results: Sequence[Result]) -> None:
    say.line("\nstep                  seconds  result")
    for result in results:
        say.line(f"{result.name:<20} {result.seconds:8.1f}  {result.outcome}")
    lost = sum(not result.good and not result.failed for result in results)
    say.line(f"\n{sum(r.passed for r in results)} passed, {sum(r.failed for r in results) + lost} failed")
