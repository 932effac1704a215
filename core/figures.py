"""Numbers as a reader of the active language writes them."""

from __future__ import annotations

from django.utils.formats import number_format


def rounded(value: float, places: int) -> str:
    """Django writes as many places as one asks for and drops the rest, as if 2.99 were 2.9."""
    return number_format(round(value, places), places)
