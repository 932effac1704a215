"""Pytest plugin: what the workers of one run share, which tests stay together, and which have the machine alone.

A file's tests stay on one worker, because they share what its fixtures started; the slow ones named below
share nothing and spread. Tests with a bar on latency (ALONE, or the mark `alone`) wait until nothing else runs,
and nothing else then does; whoever else waits most of its time should not be among them.
"""

from __future__ import annotations

import fcntl
import gc
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

FOLDER = "TESTS_SHARED_FOLDER"
HOSTILE = "tests/faults/test_hostile_connections.py::"
ALONE = (
    f"{HOSTILE}test_an_honest_request_is_answered_while",
    f"{HOSTILE}test_pages_are_served_while",
    f"{HOSTILE}test_the_server_is_small_again",
)
APART = (
    "tests/launch/test_refusals.py",
    "tests/launch/test_launcher.py",
    "tests/agent/test_program.py",
    "tests/faults/test_chaos.py",
)
# Its two profiles are started once each.
PROFILES = "tests/flow/test_thread.py"
# What takes longest begins first, so that the workers end at about the same time.
LONG = (
    "tests/flow/test_thread.py",
    "tests/e2e/",
    "tests/launch/test_start.py",
    "tests/launch/test_backup.py",
    "tests/flow/",
    "tests/launch/test_planted.py",
    "tests/launch/",
    "tests/faults/",
    "tests/agent/",
    "tests/core/",
)
# Of the others these take longest.
HEAVY = ("tests/access/", "tests/ml/", "tests/metrics/", "tests/alerts/")


def worker() -> str:
    """The name of this worker, or nothing where one process runs all tests."""
    return os.environ.get("PYTEST_XDIST_WORKER", "")


def running() -> bool:
    """Whether tests run at all; a bench uses the same product without them."""
    return FOLDER in os.environ


@contextmanager
def held(name: str, *, shared: bool = False) -> Iterator[None]:
    """A lock among the workers of this run."""
    with (Path(os.environ[FOLDER]) / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def once(name: str) -> Iterator[bool]:
    """The same lock, and whether this is the first time in this run that the work under it is done."""
    done = Path(os.environ[FOLDER]) / f"{name}.done"
    with held(name):
        yield not done.exists()
        done.touch()


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out whole files, or single tests of those that are named, in the order they stand in."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ALONE):
            return "alone"
        if nodeid.startswith(PROFILES):
            return nodeid[nodeid.rindex("[") :]
        return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: has a bar on latency; no other test runs meanwhile")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing of what is read here goes away: to look for what does takes nearly half of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if worker():
        items.sort(key=lambda item: _turn(item.nodeid))


def _turn(name: str) -> int:
    if name.startswith(ALONE):
        return len(LONG + HEAVY) + 1
    return next((turn for turn, path in enumerate(LONG + HEAVY) if name.startswith(path)), len(LONG + HEAVY))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Whoever wants to be alone stands at the gate, where all others must pass, until the running tests end."""
    if not worker():
        return (yield)
    alone = item.nodeid.startswith(ALONE) or item.get_closest_marker("alone") is not None
    with held("gate") if alone else nullcontext():
        if not alone:
            with held("gate"):
                pass
        with held("running", shared=not alone):
            return (yield)
