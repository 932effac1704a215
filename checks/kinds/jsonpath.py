"""A value inside JSON, by a path such as status.parts[0].ok and no more: nothing of it can be made to run."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 200
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d{1,6})\]")


def parse(path: str) -> list[str | int]:
    """The steps of a path; ValueError where it is none."""
    if len(path) > LONGEST:
        raise ValueError(f"A path in JSON has at most {LONGEST} characters.")
    steps: list[str | int] = []
    place = 0
    while place < len(path):
        match = _STEP.match(path, place)
        if not match:
            raise ValueError("Write the path in JSON like status.parts[0].ok.")
        steps.append(match[1] if match[1] is not None else int(match[2]))
        place = match.end()
    return steps


def at(document: Any, path: str) -> Any:
    """What stands there; LookupError where nothing does."""
    for step in parse(path):
        if isinstance(step, int) and isinstance(document, list):
            document = document[step]
        elif isinstance(document, dict):
            document = document[str(step)]
        else:
            raise LookupError(path)  # noqa: TRY004 - it is not there, whatever the type
    return document
