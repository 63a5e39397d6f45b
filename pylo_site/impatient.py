"""Redis for a page: one try, half a second."""

from __future__ import annotations

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE_SECONDS = 0.5


def client() -> redis.Redis:
    """Return a client that the caller closes; whatever it is asked raises `redis.RedisError` at once or in time."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),  # redis-py's own retries would hold the page for seconds
    )
