"""The 24 hour clock, in every language."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import formats, translation


@pytest.mark.parametrize("language", ["en", "da", "pt-br"])
@pytest.mark.parametrize("name", ["TIME_FORMAT", "DATETIME_FORMAT"])
def test_times_are_written_by_the_24_hour_clock(language: str, name: str) -> None:
    with translation.override(language):
        assert "15:04" in formats.date_format(datetime(2026, 1, 2, 15, 4, tzinfo=UTC), name)
