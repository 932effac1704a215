"""What is kept of live messages for those who poll."""

from __future__ import annotations

import time

import pytest

from core import live


def test_messages_of_a_topic_that_nobody_hears_of_any_more_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = live._InProcess()
    first = kept.add("server.a", {"cpu": 1})
    later, passed = time.time() + 400, time.monotonic() + 400
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "monotonic", lambda: passed)
    kept.add("server.b", {"cpu": 2})
    assert kept.recent("server.a") == []
    assert [one["data"] for one in kept.recent("server.b")] == [{"cpu": 2}]
    assert kept.sequence("server.a") == first["seq"]  # its numbers go on
