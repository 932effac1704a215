"""Loops and leases: woken at once, swept without a wake, one holder at a time."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from core import runner
from core.clock import now
from core.models import Cursor, Lease
from core.runner import Loop


def test_a_wake_is_heard_at_once_and_a_lost_one_by_the_sweep() -> None:
    turns = threading.Semaphore(0)

    def step() -> bool:
        turns.release()
        return False

    loop = Loop("test-wake", step, every=0.3)
    loop.start()
    try:
        assert turns.acquire(timeout=1)
        began = time.monotonic()
        runner.ring("test-wake")
        assert turns.acquire(timeout=1)
        assert time.monotonic() - began < 0.2
        assert turns.acquire(timeout=1), "the sweep comes without a wake"
    finally:
        loop.end(1)


def test_a_loop_outlives_its_failures() -> None:
    turns: list[int] = []

    def step() -> bool:
        turns.append(1)
        if len(turns) == 1:
            raise RuntimeError("broken once")
        return False

    loop = Loop("test-failure", step, every=0.1)
    loop.start()
    time.sleep(1.0)
    loop.end(1)
    assert len(turns) > 1


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
