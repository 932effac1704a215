"""What every kind of report is given and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from django.utils.functional import Promise

from accounts.models import User
from core.registry import Registry
from reports.document import Section
from reports.periods import Period
from reports.scope import Machine, Scope


class Cancelled(Exception):
    """Somebody wants it no more."""


def nothing(_share: float) -> None:
    """Nobody waits for it."""


@dataclass(slots=True)
class Asked:
    """One report as it is made. `step` says how far it is, 0 to 1, and raises `Cancelled` to stop."""

    user: User | None
    scope: Scope
    period: Period
    target: float
    step: Callable[[float], None] = nothing
    sentences: list[str] = field(default_factory=list)
    team: int | None = None
    whole: bool = True
    """No selector narrows it: what belongs to no machine is in it as well."""
    busy: bool = False
    """Something happened that is worth a whole mail."""

    @property
    def start(self) -> datetime:
        return self.period.start

    @property
    def end(self) -> datetime:
        return self.period.end

    def part(self, low: float, high: float) -> Callable[[float], None]:
        """The steps of a part of the work."""
        return lambda share: self.step(low + (high - low) * share)

    def link(self, machine: Machine, start: int = 0, end: int = 0) -> str:
        """The page of a server, at a time; of a removed one there is none."""
        if machine.removed:
            return ""
        begin, until = (start or self.scope.start) // 1000, (end or self.scope.end) // 1000
        return f"/servers/{machine.uuid}/?from={begin}&to={until}"


class Kind:
    """Registered under its name; made anew for each report."""

    title: ClassVar[str | Promise]
    about: ClassVar[str | Promise]

    def sections(self, asked: Asked) -> list[Section]:
        """Also says what matters in `asked.sentences`."""
        raise NotImplementedError


kinds: Registry[type[Kind]] = Registry("report")
