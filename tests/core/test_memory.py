"""What big work leaves behind is given back to the system."""

from __future__ import annotations

import pytest

from core import memory


def test_memory_is_given_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(memory, "_given", float("-inf"))
    monkeypatch.setattr(memory, "_trim", asked.append)
    memory.give_back()
    memory.give_back()
    assert asked == [0]
    monkeypatch.setattr(memory, "_given", float("-inf"))
    monkeypatch.setattr(memory, "_trim", None)  # not this C library
    memory.give_back()
    assert asked == [0]
