"""What is looked for in logs: plain texts, with * for anything and # for a digit, which no line can make slow.

There are no regular expressions of the owner's, as one of those can hang on one line.
"""

from __future__ import annotations

import re
from typing import Any

MOST_TEXTS, LONGEST_TEXT, LONGEST_LINE = 20, 200, 8192
NAME = re.compile(r"[a-zA-Z0-9_.-]{1,60}")


class BadPattern(ValueError):
    """A pattern that is not used; the text says why."""


class Text:
    """One text. Its parts must stand in a line in this order, letters of either case."""

    def __init__(self, text: str) -> None:
        if not 0 < len(text) <= LONGEST_TEXT or "\n" in text or "\0" in text:
            raise BadPattern(f"has a text that is empty, of several lines or above {LONGEST_TEXT} letters")
        told = text.encode("utf-8", "replace").lower()
        # Searched for by itself first: the longest part that holds no sign of its own.
        self.anchor = max(re.split(rb"[*#]", told), key=len)
        if len(self.anchor) < 2:
            raise BadPattern(f"has {text!r}, which needs two letters beside each other that are no * or #")
        parts = [part for part in told.split(b"*") if part]
        # Each is of one length, so there is nothing to try twice.
        self.parts = [re.compile(re.escape(part).replace(rb"\#", b"#").replace(b"#", b"[0-9]")) for part in parts]
        self.plain = parts == [self.anchor]

    def stands_in(self, line: bytes) -> bool:
        """Whether a line, in small letters, holds it: the first place of each part is as good as any."""
        place = 0
        for part in self.parts:
            found = part.search(line, place)
            if found is None:
                return False
            place = found.end()
        return True


class Pattern:
    """A named count: its texts, and where they are looked for."""

    def __init__(self, name: str, wanted: Any) -> None:
        if not isinstance(wanted, dict) or not all(_words(wanted.get(key, [])) for key in ("texts", "files")):
            raise BadPattern('is not {"texts": [...], "files": [...], "journal": true}')
        texts: list[str] = wanted.get("texts", [])
        if len(texts) > MOST_TEXTS:
            raise BadPattern(f"has more than {MOST_TEXTS} texts")
        level = wanted.get("level")
        if level is not None and (not isinstance(level, int) or not 0 <= level <= 7):
            raise BadPattern("has a level that is not 0 to 7")
        if NAME.fullmatch(name) is None:
            raise BadPattern("has a name with signs beyond letters, digits, and _ . -")
        self.name = name
        self.texts = [Text(text) for text in texts]
        self.files: list[str] = wanted.get("files", [])
        self.journal = bool(wanted.get("journal"))
        self.level: int | None = level
        if not self.texts and not (self.journal and level is not None):
            raise BadPattern("has no text to look for")

    def in_lines(self, lines: bytes) -> int:
        """In how many lines, given in small letters, one of the texts stands."""
        if len(self.texts) == 1:
            return len(_places(self.texts[0], lines))
        found: set[int] = set()
        for text in self.texts:
            found.update(_places(text, lines))
        return len(found)

    def in_entry(self, message: bytes, level: int | None) -> bool:
        """Whether an entry of the journal counts: by its level where one is asked for, else by its text."""
        if self.level is not None:
            return level is not None and level <= self.level
        line = message[:LONGEST_LINE].lower()
        return any(text.stands_in(line) for text in self.texts)


def _words(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _places(text: Text, lines: bytes) -> list[int]:
    """Where the lines begin in which it stands. Each line is looked at once, and only its first part."""
    found = []
    place = lines.find(text.anchor)
    while place >= 0:
        start = lines.rfind(b"\n", 0, place) + 1
        end = lines.find(b"\n", place)
        end = len(lines) if end < 0 else end
        if place + len(text.anchor) <= start + LONGEST_LINE and (
            text.plain or text.stands_in(lines[start : min(end, start + LONGEST_LINE)])
        ):
            found.append(start)
        place = lines.find(text.anchor, end)
    return found
