"""Kinds of reports, by name: what each tells of the servers and the time it is asked for."""

from __future__ import annotations

from reports.kinds import anomalies, availability, capacity, incidents, inventory, noise, overview
from reports.kinds.base import Asked, Cancelled, Kind, kinds

__all__ = [
    "Asked",
    "Cancelled",
    "Kind",
    "anomalies",
    "availability",
    "capacity",
    "incidents",
    "inventory",
    "kinds",
    "noise",
    "overview",
]
