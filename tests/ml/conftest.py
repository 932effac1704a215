"""What learns in a child process here learns in the tests' own, which is larger than the child may be."""

from __future__ import annotations

import pytest

from ml import child


@pytest.fixture(autouse=True)
def _room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MOST_BYTES", 8 << 30)
