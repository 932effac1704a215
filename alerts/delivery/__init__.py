"""Deliveries that are due: claimed by lease, sent, marked after the answer; one courier a channel.

A hung receiver holds up its own channel alone. A crash between sending and marking repeats with the same key.
"""

from __future__ import annotations

from alerts.delivery.claiming import LEASE, retry
from alerts.delivery.courier import Courier, deliver_due
from alerts.delivery.dispatcher import Dispatcher
from alerts.delivery.outcome import GIVE_UP, pause, tally
from alerts.delivery.trying import TestFailed, Tried, send_test

__all__ = [
    "GIVE_UP", "LEASE", "Courier", "Dispatcher", "TestFailed", "Tried", "deliver_due", "pause", "retry", "send_test",
    "tally",
]  # fmt: skip
