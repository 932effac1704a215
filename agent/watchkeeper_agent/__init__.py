"""The agent: asks a machine how it is, tells its hub, and keeps what it cannot tell yet."""

from __future__ import annotations

VERSION = "1.0.0"
