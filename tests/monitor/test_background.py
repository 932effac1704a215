"""Celery's worker in our process: what breaks it does not end it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from celery.signals import task_postrun
from kombu.transport.virtual import Channel

from monitor import background
from monitor.celery import nothing


def test_a_worker_that_broke_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "LOOK_EVERY", 0.1)
    whole: Any = Channel.drain_events
    broken, done = threading.Event(), threading.Event()

    def drain_events(*args: Any, **named: Any) -> Any:
        if broken.is_set():
            return whole(*args, **named)
        broken.set()
        raise ArithmeticError("nobody expects this")

    def ran(**_: object) -> None:
        done.set()

    monkeypatch.setattr(Channel, "drain_events", drain_events)
    task_postrun.connect(ran)
    worker = background.CeleryWorker()
    worker.start()
    try:
        assert broken.wait(20)
        nothing.apply_async(ignore_result=True)
        assert done.wait(20), "what waited was never done"
    finally:
        worker.end(20)
        task_postrun.disconnect(ran)
    assert not worker.is_alive()
