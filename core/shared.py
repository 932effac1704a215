"""The Redis that processes of the scale-out profile share; while it is away we go on without it.

Its library is loaded only when it is used.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

ERRORS: tuple[type[Exception], ...]
REST = 5.0

T = TypeVar("T")


def __getattr__(name: str) -> object:
    """`shared.ERRORS` is looked at when something failed, so the embedded profile pays nothing for it."""
    if name == "ERRORS":
        return _errors()
    raise AttributeError(name)


def _errors() -> tuple[type[Exception], ...]:
    from redis import RedisError  # noqa: PLC0415 - 5 MiB and 0.25 s that the embedded profile saves

    return (RedisError, OSError)


@cache
def redis() -> Redis:
    from redis import Redis as Client  # noqa: PLC0415 - only where Redis is used

    return Client.from_url(settings.ENV.redis_url, socket_timeout=2, socket_connect_timeout=2)


class Patience:
    """After a failure Redis is left alone for a moment: a silent one would hold every caller for two seconds."""

    def __init__(self) -> None:
        self.away_until = 0.0

    def ask(self, call: Callable[[], T], otherwise: T) -> T:
        """What the call answers; the other thing while Redis is away."""
        if time.monotonic() < self.away_until:
            return otherwise
        try:
            return call()
        except _errors() as error:
            log.warning("Redis is away (%s); trying again in %.0f s", error, REST)
            self.away_until = time.monotonic() + REST
            return otherwise

    def back(self) -> None:
        """Somebody has just reached it."""
        self.away_until = 0.0


patience = Patience()
