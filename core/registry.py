"""Whatever has kinds is registered here; a third party adds one by installing a package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

T = TypeVar("T")


class Unknown(KeyError):
    """No kind of that name; the text lists those there are."""

    def __str__(self) -> str:
        return str(self.args[0])


class Registry(Generic[T]):
    """Kinds by name; packages add theirs through the entry point group `watchkeeper.<what>`."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.kinds: dict[str, T] = {}
        self.loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        def keep(kind: T) -> T:
            self.kinds[name] = kind
            return kind

        return keep

    def get(self, name: str) -> T:
        self._load()
        try:
            return self.kinds[name]
        except KeyError:
            known = ", ".join(sorted(self.kinds))
            raise Unknown(f"{name!r} is no kind of {self.what}. Known: {known}.") from None

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self.kinds))

    def _load(self) -> None:
        if not self.loaded:
            self.loaded = True
            for entry in entry_points(group=f"watchkeeper.{self.what}"):
                self.kinds.setdefault(entry.name, entry.load())
