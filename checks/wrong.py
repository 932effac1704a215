"""A setting that cannot stand, and which one it is."""

from __future__ import annotations


class Wrong(ValueError):
    """Says in a sentence what is wrong with one setting of a kind."""

    def __init__(self, setting: str, said: str) -> None:
        super().__init__(said)
        self.setting = setting
