"""What programs ask about people."""

from __future__ import annotations
