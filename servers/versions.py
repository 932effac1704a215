"""Which agent this hub hands out, and which machines run an older one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "agent" / "watchkeeper_agent" / "__init__.py"


@cache
def own_version() -> str:
    """Of the agent this hub installs; read from its source, as nothing of ours imports it."""
    found = re.search(r'^VERSION = "([^"]+)"', SOURCE.read_text(), re.MULTILINE)
    return found[1] if found else ""


def outdated(version: str) -> bool:
    """Whether a machine's agent is older than ours; of what is no version of ours nothing is said."""
    theirs, ours = _parts(version), _parts(own_version())
    return bool(theirs and ours and theirs < ours)


def _parts(version: str) -> tuple[int, ...]:
    found = re.fullmatch(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})", version)
    return tuple(map(int, found.groups())) if found else ()
