"""Words of others made safe to stand in a sentence: one line, bounded, and reading in no other direction."""

from __future__ import annotations

import unicodedata

LONGEST = 60
FROM_RIGHT = {"R", "AL", "AN"}
ISOLATE, END = "\u2068", "\u2069"


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def line(text: object, most: int = 400) -> str:
    """Without control characters, line breaks and marks that turn the direction of what follows."""
    kept = "".join(sign if sign.isprintable() or sign in {ISOLATE, END} else " " for sign in str(text))
    return cut(" ".join(kept.split()), most)


def paragraph(text: object, most: int) -> str:
    """The same with its line breaks: a runbook has steps."""
    return cut("\n".join(line(one, most) for one in str(text).splitlines() if one.strip()), most)


def word(text: object, most: int = LONGEST) -> str:
    """A name within a sentence; one that is written from the right is kept from turning its neighbours round."""
    name = line(text, most).replace(ISOLATE, "").replace(END, "")
    turned = any(unicodedata.bidirectional(sign) in FROM_RIGHT for sign in name)
    return f"{ISOLATE}{name}{END}" if turned else name
