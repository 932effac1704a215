"""The world of these tests, made anew for each that changes it."""

from __future__ import annotations

import pytest

from tests.access.world import World


@pytest.fixture
def world(db: None) -> World:
    return World()
