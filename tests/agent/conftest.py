"""The agent is not installed for tests: it runs from its folder, as it does on a machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "agent"))


@pytest.fixture(autouse=True, scope="module")
def _disks_need_not_hurry() -> Iterator[None]:
    """No test cuts the machine's power: what this process writes is there without waiting for a busy disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield
