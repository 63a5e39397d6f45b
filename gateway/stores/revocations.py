"""Hears on Redis which keys were revoked. While it cannot listen the cache's own ages bound the delay."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import redis.asyncio
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

CHANNEL = "pylo:keys:revoked"
AGAIN_SECONDS = 0.5
POLL_SECONDS = 1.0

log = logging.getLogger("pylo.gateway")


class Cache(Protocol):
    def drop(self, key_id: UUID) -> None: ...

    def distrust(self) -> None: ...


async def listen(url: str, cache: Cache) -> None:
    """Apply announcements to `cache` until cancelled; after each gap everything in it is distrusted.

    A gap ends when Redis confirms the subscription, not when it is asked for; redis-py may ask again by itself.
    """
    while True:
        try:
            client = redis.asyncio.Redis.from_url(url, socket_connect_timeout=2, health_check_interval=5)
            async with client, client.pubsub() as channel:
                await channel.subscribe(CHANNEL)
                await _hear(channel, cache)
        except (RedisError, OSError) as error:
            log.warning("key revocations cannot be heard", extra={"crash": type(error).__name__})
            _end_if_cancelled()
            await asyncio.sleep(AGAIN_SECONDS)


async def _hear(channel: PubSub, cache: Cache) -> None:
    while True:
        _end_if_cancelled()
        message = await channel.get_message(timeout=POLL_SECONDS)
        if message is None:
            continue
        if message["type"] != "message":
            cache.distrust()
            continue
        try:
            cache.drop(UUID(message["data"].decode("ascii")))
        except ValueError:
            cache.distrust()  # something was revoked, and we cannot tell what


def _end_if_cancelled() -> None:
    """Raise what redis-py may have lost, or a process that is to end would listen on.

    It sends by `asyncio.wait_for`, and on Python 3.11 that returns its result where a cancellation comes with it.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
