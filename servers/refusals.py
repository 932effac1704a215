"""Who tried to enrol and was turned away lately: kept in memory for the page that waits for a machine.

A try is kept only under an invitation that exists, so that nobody fills it by guessing; of each the last few.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime

from core import tokens
from core.clock import now
from servers.models import Enrolment

INVITATIONS = 200
TRIES = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """One try: when, from where, under which name, and why not."""

    at: datetime
    why: str  # "secret", "revoked", "expired", "used" or "name"
    address: str
    name: str


class Refusals:
    """Of the invitations that were tried last; a process's own."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held: OrderedDict[str, deque[Refusal]] = OrderedDict()

    def note(self, clear: str, address: str, name: str, *, taken: bool = False) -> None:
        """Remember a try; `taken` says that its name belongs to another machine."""
        key = clear.removeprefix("wke_").partition(".")[0][:24]
        sound = key.isascii() and key.isprintable()  # PostgreSQL cannot even be asked for a NUL
        invitation = Enrolment.objects.filter(key=key).first() if key and sound else None
        if invitation is None:
            return
        refusal = Refusal(now(), "name" if taken else _why(invitation, clear), address, name)
        with self.lock:
            self.held.setdefault(key, deque(maxlen=TRIES)).appendleft(refusal)
            self.held.move_to_end(key)
            while len(self.held) > INVITATIONS:
                self.held.popitem(last=False)

    def of(self, invitation: Enrolment) -> list[Refusal]:
        """The newest first."""
        with self.lock:
            return list(self.held.get(invitation.key, ()))

    def clear(self) -> None:
        with self.lock:
            self.held.clear()


def _why(invitation: Enrolment, clear: str) -> str:
    parts = tokens.split(clear, "wke")
    if parts is None or not tokens.same(invitation.digest, parts[1]):
        return "secret"
    if invitation.revoked_at:
        return "revoked"
    return "expired" if invitation.expires_at < now() else "used"


refusals = Refusals()
