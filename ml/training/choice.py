"""Which detectors are learnt with: those of the setting, as far as this installation has what they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from django.conf import settings

from core.registry import Unknown
from ml.detectors import LIVE, registry


@dataclass(frozen=True)
class Choice:
    """What is learnt with, and a sentence where that is not what was asked for."""

    detectors: tuple[str, ...] = LIVE
    said: str = ""


def chosen(wanted: Sequence[str] | None = None) -> Choice:
    """Each once and in the order of the setting; where none of them can be used, those that ship."""
    asked = tuple(dict.fromkeys(settings.DETECTORS if wanted is None else wanted))
    if not asked:
        return Choice()
    unknown = unknown_of(asked)
    missing = [name for name in asked if name not in unknown and not there(registry.get(name).needs)]
    usable = tuple(name for name in asked if name not in unknown and name not in missing)
    said = []
    if unknown:
        said.append(f"No detector is called {', '.join(unknown)}; known are {', '.join(registry)}.")
    if missing:
        said.append(f"{', '.join(missing)} left out: the learning packages are not here.")
    if not usable:
        said.append(f"{', '.join(LIVE)} instead.")
    return Choice(usable or LIVE, " ".join(said))


def unknown_of(names: Sequence[str]) -> list[str]:
    """Those that nobody registered."""
    found = []
    for name in names:
        try:
            registry.get(name)
        except Unknown:
            found.append(name)
    return found


def there(package: str) -> bool:
    """Whether it could be imported; it is not, for its memory is the child's alone."""
    return not package or find_spec(package) is not None
