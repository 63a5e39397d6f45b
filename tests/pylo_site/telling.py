"""Processes of a gateway that tell Redis how their upstreams are."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gateway.breaker.views import Counts, State, UpstreamView
from gateway.ports import Telling, Told
from gateway.stores.fleet import RedisFleet
from gateway.stores.redis import Redis
from tests.fakes.engines import redis_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings


@contextmanager
def own_redis(settings: Settings) -> Iterator[str]:
    """Give the site an empty Redis of this test's own, or of nobody's."""
    with redis_number(os.environ["REDIS_URL"]) as url:  # noqa: TID251 - names the engines
        settings.REDIS_URL = url
        yield url


def view(name: str, **differences: Any) -> UpstreamView:
    healthy: dict[str, Any] = {
        "name": name,
        "state": State.CLOSED,
        "reason": "",
        "probe_in": None,
        "throttled_for": 0.0,
        "suspect": False,
        "draining": False,
        "share": 1.0,
        "trips": 0,
        "in_flight": 0,
        "places": 100,
        "window": Counts(),
    }
    return UpstreamView(**(healthy | differences))


def tell(url: str, *views: UpstreamView, host: str = "a", process: str = "1", tick: int = 1) -> None:
    """Be a process for one tick."""

    async def main() -> None:
        connection = Redis(url, patience=5)
        keeping = asyncio.get_running_loop().create_task(connection.keep())
        await connection.tried()
        upstreams = {each.name: Telling(counts=Counts()) for each in views}
        told = Told(host=host, process=process, tick=tick, views=views, upstreams=upstreams)
        await RedisFleet(connection).exchange(told)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(main())
