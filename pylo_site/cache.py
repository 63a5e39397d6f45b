"""The cache, where sign-in's limits are counted. Redis; while it is away each process counts for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 0.5
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Backend(RedisCache):
    """Neither locks everybody out nor lets anybody guess unlimited when Redis cannot be reached."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        self._alone = LocMemCache("redis-away", {key: value for key, value in params.items() if key != "OPTIONS"})
        patience = {
            "socket_connect_timeout": PATIENCE_SECONDS,
            "socket_timeout": PATIENCE_SECONDS,
            "retry": Retry(NoBackoff(), 0),  # redis-py's own retries would hold a sign-in for seconds
        }
        super().__init__(server, {**params, "OPTIONS": {**patience, **params.get("OPTIONS", {})}})

    def _either(self, shared: Callable[..., T], alone: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        try:
            return shared(*args, **kwargs)
        except RedisError as error:
            log.warning("cache.redis_away", error=type(error).__name__)
            return alone(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._either(super().add, self._alone.add, *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either(super().get, self._alone.get, *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._either(super().set, self._alone.set, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._either(super().delete, self._alone.delete, *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        return self._either(super().touch, self._alone.touch, *args, **kwargs)
