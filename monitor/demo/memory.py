"""What the demo fleet remembers between starts: its keys, its making, and which times were told."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

FLEET, TOLD = "fleet.json", "told.json"
Span = tuple[float, float]


@dataclass
class Fleet:
    """Written by the hub's own process: when the fleet was made, and each server's id and key."""

    since: float
    servers: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


@dataclass
class Told:
    """Written by the feeder: up to when it spoke, and the spans before that are still to be told."""

    upto: float = 0.0
    spans: list[Span] = field(default_factory=list)

    def owe(self, start: float, end: float) -> None:
        if end > start:
            self.spans.append((start, end))

    def newest(self) -> Span:
        return max(self.spans, key=lambda span: span[1])

    def told(self, start: float, end: float) -> None:
        """The end of a span was told."""
        spans = [(a, start if b == end else b) for a, b in self.spans]
        self.spans = [(a, b) for a, b in spans if b > a]


def load_fleet(folder: Path) -> Fleet | None:
    try:
        found = json.loads((folder / FLEET).read_text(encoding="utf-8"))
        return Fleet(float(found["since"]), dict(found["servers"]), dict(found["keys"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def load_told(folder: Path) -> Told:
    try:
        found = json.loads((folder / TOLD).read_text(encoding="utf-8"))
        return Told(float(found["upto"]), [(float(a), float(b)) for a, b in found["spans"]])
    except (OSError, ValueError, KeyError, TypeError):
        return Told()


def save(folder: Path, what: Fleet | Told) -> None:
    """Whole or not at all; the keys in it are for us alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / (FLEET if isinstance(what, Fleet) else TOLD)
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(asdict(what), out)
    fresh.replace(file)
