"""Chance for pauses, so that a fleet never knocks all at once; the `random` module would cost memory."""

from __future__ import annotations

import os


def between(low: float, high: float) -> float:
    return low + (high - low) * int.from_bytes(os.urandom(4), "big") / 0xFFFFFFFF
