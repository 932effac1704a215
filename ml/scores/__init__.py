"""The consumer "scores": judges the newest rows of all servers at once, and writes what it finds as series."""

from __future__ import annotations
