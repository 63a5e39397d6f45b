"""Redis for a page: one try, half a second; a command may wait longer."""

from __future__ import annotations

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE_SECONDS = 0.5


def client(seconds: float = PATIENCE_SECONDS) -> redis.Redis:
    """Return a client that the caller closes; whatever it is asked raises `redis.RedisError` at once or in time."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=seconds,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),  # redis-py's own retries would hold the page for seconds
    )
