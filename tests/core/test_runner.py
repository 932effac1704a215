"""Loops and leases: woken at once, swept without a wake, one holder at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from core import runner
from core.clock import now
from core.models import Cursor, Lease
from core.runner import Loop


@contextmanager
def turning(name: str, every: float) -> Iterator[threading.Semaphore]:
    """A loop, and its turns."""
    turns = threading.Semaphore(0)

    def step() -> bool:
        turns.release()
        return False

    loop = Loop(name, step, every=every)
    loop.start()
    try:
        yield turns
    finally:
        loop.end(5)


def test_a_wake_is_heard_at_once_and_a_lost_one_by_the_sweep() -> None:
    with turning("test-wake", every=600) as turns:
        assert turns.acquire(timeout=20)
        assert not turns.acquire(timeout=0.05), "it waits"
        runner.ring("test-wake")
        assert turns.acquire(timeout=20), "long before the sweep"
    with turning("test-sweep", every=0.05) as turns:
        assert all(turns.acquire(timeout=20) for _ in range(3)), "the sweep comes without a wake"


def test_a_loop_outlives_its_failures() -> None:
    turns: list[int] = []
    again = threading.Event()

    def step() -> bool:
        turns.append(1)
        if len(turns) == 1:
            raise RuntimeError("broken once")
        again.set()
        return False

    loop = Loop("test-failure", step, every=0.1)
    loop.start()
    try:
        assert again.wait(20)
    finally:
        loop.end(5)


@pytest.mark.django_db
def test_a_lease_has_one_holder_until_it_lapses_or_is_given_back() -> None:
    at = now()
    assert Lease.objects.take("job", "a", at, 10)
    assert not Lease.objects.take("job", "b", at, 10)
    assert Lease.objects.take("job", "a", at + timedelta(seconds=5), 10)
    assert not Lease.objects.take("job", "b", at + timedelta(seconds=12), 10)
    assert Lease.objects.take("job", "b", at + timedelta(seconds=16), 10)
    Lease.objects.release("job", "a")
    assert not Lease.objects.take("job", "a", at + timedelta(seconds=17), 10)
    Lease.objects.release("job", "b")
    assert Lease.objects.take("job", "a", at + timedelta(seconds=17), 10)


@pytest.mark.django_db
def test_a_lease_that_was_taken_under_a_clock_far_ahead_holds_nobody_up() -> None:
    at = now()
    assert Lease.objects.take("job", "a", at + timedelta(minutes=9), 10)
    assert not Lease.objects.take("job", "b", at, 10), "clocks of two machines may differ by minutes"
    assert Lease.objects.take("job", "a", at + timedelta(days=365), 10)
    assert Lease.objects.take("job", "b", at, 10)
    assert not Lease.objects.take("job", "a", at + timedelta(seconds=5), 10)


@pytest.mark.django_db
def test_a_cursor_moves_only_for_who_knows_where_it_stands() -> None:
    assert Cursor.objects.start("c") == 0
    assert Cursor.objects.advance("c", 0, 5)
    assert not Cursor.objects.advance("c", 0, 3), "a slow twin must not judge again"
    assert Cursor.objects.start("c") == 5
