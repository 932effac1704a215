"""The face of the writer and of the inside door: what other apps may do with samples of their own making."""

from __future__ import annotations

from metrics.inside import Found, Late, Stored, TooManySeries, layout_of, put, put_all
from metrics.journal import Overtaken
from metrics.running import running, stop, writer

__all__ = [
    "Found", "Late", "Overtaken", "Stored", "TooManySeries", "layout_of", "put", "put_all", "running", "stop",
    "writer",
]  # fmt: skip
