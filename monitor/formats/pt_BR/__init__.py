"""Brazilian Portuguese."""

from __future__ import annotations
