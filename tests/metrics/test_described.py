"""Every series of our own has one description, and the documents show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics import names
from metrics.described import SERIES, table

UNITS = {"_bytes_per_second": "B/s", "_per_second": "1/s", "_percent": "%", "_bytes": "B", "_seconds": "s"}


@pytest.mark.parametrize("name", SERIES)
def test_the_unit_stands_in_the_name_and_limits_lie_in_order(name: str) -> None:
    one = SERIES[name]
    assert names.METRIC.fullmatch(name)
    assert one.meaning.endswith(".")
    expected = next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), None)
    assert expected in (None, one.unit)
    if one.warn is not None and one.critical is not None:
        assert one.good != "neither"
        assert (one.warn < one.critical) == (one.good == "low")


def test_the_page_of_series_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "series.md"
    assert page.read_text().endswith(table()), "write metrics.described.table() into docs/series.md again"
