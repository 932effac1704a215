"""Hebrew and Arabic as a PDF wants them: in the order they are seen, each letter in the form its neighbours give it.

Of the rules for both directions those for names in a text that runs from left to right: reports have no other.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

LAM = "\u0644"
_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RUN = re.compile(f"[{_RIGHT}](?:[^A-Za-z\u00c0-\u058f\u0900-\ufb1c]*[{_RIGHT}0-9])?[)\\]}}]?")
_CLUSTER = re.compile(r"[0-9\u0660-\u0669\u06f0-\u06f9]+(?:[.,:/][0-9\u0660-\u0669\u06f0-\u06f9]+)*|.", re.DOTALL)
_MIRRORED = str.maketrans("()[]{}<>\u00ab\u00bb", ")(][}{><\u00bb\u00ab")
_FORMS = ((0xFB50, 0xFDFC), (0xFE70, 0xFEFD))
_KINDS = {"<isolated>", "<final>", "<initial>", "<medial>"}
_LIGATURES = {LAM + alef for alef in "\u0622\u0623\u0625\u0627"}


def visual(text: str) -> str:
    """What runs from right to left turned round, with its numbers as they are."""
    return _RUN.sub(lambda found: _closed(found[0]), text) if re.search(f"[{_RIGHT}]", text) else text


def _closed(run: str) -> str:
    """A bracket at the end belongs to it where it was opened in it."""
    opened = run[-1].translate(_MIRRORED)
    return _turned(run) if opened == run[-1] or opened in run else _turned(run[:-1]) + run[-1]


def _turned(run: str) -> str:
    """Its spaces hold it together: broken into lines, the end of it would stand above its beginning."""
    pieces: list[str] = []
    for piece in _CLUSTER.findall(joined(run).replace(" ", "\u00a0")):
        if pieces and _mark(piece):
            pieces[-1] += piece  # it stays behind its letter
        else:
            pieces.append(piece.translate(_MIRRORED))
    return "".join(reversed(pieces))


def _mark(piece: str) -> bool:
    return unicodedata.category(piece[0]) == "Mn"


def joined(text: str) -> str:
    """Arabic letters in the forms that join; a lam and its alef are one."""
    forms = _forms()
    letters = _ligated(text)
    found = []
    for place, letter in enumerate(letters):
        own = forms.get(letter, {})
        before = "initial" in forms.get(_beside(letters, place, -1), {}) and "final" in own
        after = "final" in forms.get(_beside(letters, place, 1), {}) and "initial" in own
        kind = "medial" if before and after else "final" if before else "initial" if after else "isolated"
        found.append(own.get(kind, letter))
    return "".join(found)


def _beside(letters: list[str], place: int, step: int) -> str:
    """The next letter on one side; marks stand between and part nothing."""
    place += step
    while 0 <= place < len(letters) and _mark(letters[place]):
        place += step
    return letters[place] if 0 <= place < len(letters) else ""


def _ligated(text: str) -> list[str]:
    found: list[str] = []
    for letter in text:
        if found and found[-1] == LAM and LAM + letter in _forms():
            found[-1] += letter
        else:
            found.append(letter)
    return found


@cache
def _forms() -> dict[str, dict[str, str]]:
    """By letter, or lam and alef: its forms by their names, as Unicode tells them."""
    found: dict[str, dict[str, str]] = {}
    for code in (code for first, last in _FORMS for code in range(first, last)):
        kind, *parts = unicodedata.decomposition(chr(code)).split() or [""]
        letter = "".join(chr(int(part, 16)) for part in parts)
        if kind in _KINDS and (len(letter) == 1 or letter in _LIGATURES):
            found.setdefault(letter, {}).setdefault(kind.strip("<>"), chr(code))
    return found
