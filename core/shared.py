"""The Redis that processes of the scale-out profile share."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis, RedisError

ERRORS = (RedisError, OSError)


@cache
def redis() -> Redis:
    return Redis.from_url(settings.ENV.redis_url, socket_timeout=2, socket_connect_timeout=2)
