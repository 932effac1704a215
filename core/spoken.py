"""Sentences of engines in the reader's language: the engines themselves know no framework."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], str]
_say: list[Say] = [str]


def spoken_by(say: Say) -> None:
    """What turns a sentence into the active language."""
    _say[0] = say


def spoken(text: str) -> str:
    return _say[0](text)
