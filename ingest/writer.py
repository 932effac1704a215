"""This process's one journal writer, as the door and those who put the parts together know it."""

from __future__ import annotations

from metrics.services import running, stop, writer

__all__ = ["running", "stop", "writer"]
