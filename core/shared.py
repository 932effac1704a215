"""The Redis that processes of the scale-out profile share; its library is loaded only when it is used."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from redis import Redis

ERRORS: tuple[type[Exception], ...]


def __getattr__(name: str) -> object:
    """`shared.ERRORS` is looked at when something failed, so the embedded profile pays nothing for it."""
    if name == "ERRORS":
        from redis import RedisError  # noqa: PLC0415 - 5 MiB and 0.25 s that the embedded profile saves

        return (RedisError, OSError)
    raise AttributeError(name)


@cache
def redis() -> Redis:
    from redis import Redis as Client  # noqa: PLC0415

    return Client.from_url(settings.ENV.redis_url, socket_timeout=2, socket_connect_timeout=2)
