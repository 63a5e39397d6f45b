"""A gateway in memory: real parts around the stores' twins and a scripted upstream."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import uvloop

from accounts import tokens
from gateway.admission import Admission
from gateway.app import Gateway, Parts
from gateway.attempt import Attempts
from gateway.catalog import Catalog
from gateway.claims import Claims
from gateway.config import GatewayConfig, Upstream
from gateway.deadlines import Deadlines
from gateway.drain import Drain
from gateway.idempotency import LEASE_MS, Identities
from gateway.limits import UNTIERED, Limits
from gateway.management import Management
from gateway.metrics.board import Board
from gateway.metrics.gauges import Load
from gateway.overload import Bounds, Overload
from gateway.ports import Price, Principal
from gateway.runtime import offer_of
from gateway.stores.memory import (
    MemoryCharged,
    MemoryClaims,
    MemoryJournal,
    MemoryKeys,
    MemoryPrices,
)
from gateway.upstream import Client
from tests.fakes.asgi import Answer, Caller
from tests.fakes.clock import LoopClock
from tests.fakes.portal import Portal
from tests.fakes.purses import Purse
from tests.fakes.routing import NotedRouting
from tests.fakes.upstream import Call, ScriptedTransport, Turn, good

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.usage import RequestRecord

MODEL = "moonshotai/kimi-k2.6"
PEPPER = "pepper-pepper-pepper-pepper-pepper-1"
TOKEN = tokens.mint(bytes(range(32)))
METRICS_TOKEN = "metrics-token-metrics-token-metrics"
WORKSPACE, KEY, PRICE = UUID(int=1), UUID(int=2), UUID(int=3)
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Say something of eight words or so."}]}

ON_BOTH_LOOPS = {
    *("test_dial", "test_pool", "test_redis", "test_redis_by_tls_and_unix_socket", "test_transport", "test_upstream"),
    "test_upstream_connection",
}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What stands on the loop itself is tested on asyncio's and on uvloop's, which differ."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.stem in ON_BOTH_LOOPS:
        loops["uvloop"] = uvloop.new_event_loop
    return loops


def config(
    *names: str, deadlines: Deadlines, places: int = 256, most_in_flight: int = 2, max_body_bytes: int = 4096
) -> GatewayConfig:
    return GatewayConfig(
        model=MODEL,
        upstreams=tuple(
            Upstream(
                name=name,
                dialect="moonshot",
                base_url=f"https://{name}/v1",
                key="up-key",
                model="kimi-k2.6",
                concurrency=places,
            )
            for name in names
        ),
        peppers=("the-next-pepper-the-next-pepper-the-n", PEPPER),
        database_url="",
        redis_url="",
        journal_dir=Path("unused"),
        host="test",
        idempotency_secret=bytes(32),
        max_body_bytes=max_body_bytes,
        most_in_flight=most_in_flight,
        deadlines=deadlines,
    )


def entropy() -> Callable[[int], bytes]:
    """Return a source of bytes that gives no two requests the same."""
    numbers = itertools.count()
    return lambda size: next(numbers).to_bytes(size)


@dataclass
class World:
    """One gateway with what surrounds it."""

    gateway: Gateway
    transport: ScriptedTransport
    keys: MemoryKeys
    prices: MemoryPrices
    journal: MemoryJournal
    admission: Admission
    drain: Drain
    overload: Overload
    routing: NotedRouting
    claims: Claims
    claimed: MemoryClaims
    charged: MemoryCharged
    purse: Purse
    portal: Portal

    @property
    def call(self) -> Caller:
        return Caller(self.gateway, [("Authorization", f"Bearer {TOKEN.secret}")])

    async def chat(self, *, hang_up_at: int | None = None, hang_up_after: float | None = None, **body: Any) -> Answer:
        data = json.dumps({**CHAT, **body}).encode()
        return await self.call("POST", "/v1/chat/completions", data, hang_up_at=hang_up_at, hang_up_after=hang_up_after)

    @property
    def record(self) -> RequestRecord:
        """The one record that was written."""
        (record,) = self.journal.settled
        assert [admitted.uid for admitted in self.journal.admitted] == [record.uid]
        return record

    @property
    def leased(self) -> dict[str, int]:
        """How many places of each upstream are taken."""
        return {view.name: view.in_flight for view in self.routing.views(0.0)}

    @property
    def upstream_call(self) -> Call:
        (call,) = self.transport.calls
        return call


def make_world(
    *turns: Turn,
    upstreams: tuple[str, ...] = ("first",),
    spendable: int = 5_000_000_000,
    deadlines: Deadlines | None = None,
    bounds: Bounds | None = None,
    allowed: Limits = UNTIERED,
    metrics_token: str = METRICS_TOKEN,
    **limits: int,
) -> World:
    deadlines = deadlines or Deadlines()
    settings = config(*upstreams, deadlines=deadlines, **limits)
    transport = ScriptedTransport(*(turns or (good("Hel", "lo"),)))
    clock, keys, prices, journal = LoopClock(), MemoryKeys(), MemoryPrices(), MemoryJournal()
    owner = Principal(key_id=KEY, workspace_id=WORKSPACE, expires_at_ms=None, limits=allowed)
    keys.add(tokens.digest(TOKEN, PEPPER), owner)
    price = Price(id=PRICE, input_nanos=900, cached_nanos=180, output_nanos=3900, starts_at_ms=0, ends_at_ms=None)
    prices.add(MODEL, price)
    purse = Purse.of(clock)
    purse.books.put(WORKSPACE, spendable)
    admission = Admission(settings.most_in_flight, purse.limiter, lambda: 0.0)
    drain, routing, portal = Drain(), NotedRouting(settings.upstreams), Portal()
    overload = Overload(bounds or Bounds(), lambda: 0.0)
    claimed, charged = MemoryClaims(clock, LEASE_MS), MemoryCharged()
    claims = Claims(Identities(settings.idempotency_secret), claimed, charged, clock, lambda: 0.0)
    board = Board(metrics_token, None, lambda: Load(in_flight=admission.in_flight), tuple)
    parts = Parts(
        config=settings,
        clock=clock,
        entropy=entropy(),
        keys=keys,
        catalog=Catalog(offer_of(settings), prices),
        admission=admission,
        claims=claims,
        attempts=Attempts(Client(transport, deadlines, clock), routing, journal, deadlines, clock, lambda: 0.0),
        journal=journal,
        drain=drain,
        overload=overload,
        metrics=board.metrics,
        scrape=board.endpoint,
        management=Management(portal, "pylo.example", secure=True),
    )
    gateway = Gateway(parts)
    rest = (admission, drain, overload, routing, claims, claimed, charged, purse, portal)
    return World(gateway, transport, keys, prices, journal, *rest)


@pytest.fixture
def world() -> World:
    return make_world()
