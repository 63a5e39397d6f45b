"""What every store of a port has to do: the twins in memory, and the real ones on Postgres and Redis."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings

from accounts import tokens
from accounts.models import ApiKey, Tier, Workspace
from billing.models import Balance
from billing.models import Price as PriceRow
from gateway.limits import Limits
from gateway.ports import Price, Principal, StoreUnavailable
from gateway.stores import revocations
from gateway.stores.memory import MemoryKeys, MemoryPrices
from gateway.stores.postgres import Postgres
from gateway.stores.prices import holding
from pylo_site.models import UpstreamControl
from tests.fakes.engines import at_port, the_tests_database
from tests.fakes.proxy import proxied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

T = TypeVar("T")
TOKEN = tokens.mint(bytes(32))
DIGEST = tokens.digest(TOKEN, "pepper")
DIGESTS = [tokens.digest(TOKEN, "the new pepper"), DIGEST]
MODEL = "contract/model"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


def in_postgres(ask: Callable[[Postgres], Awaitable[T]], url: str = "") -> T:
    async def main() -> T:
        store = Postgres(url or the_tests_database())
        await store.open()
        try:
            return await ask(store)
        finally:
            await store.close()

    return asyncio.run(main())


def test_what_the_url_asks_of_the_server_is_heeded(transactional_db: None) -> None:
    async def path(store: Postgres) -> list[str]:
        row = await store.row("SELECT current_setting('search_path'), current_setting('statement_timeout')", {})
        return [str(each) for each in row]

    url = f"{the_tests_database()}?options=-c%20search_path%3Delsewhere%20-c%20statement_timeout%3D7000"
    assert in_postgres(path, url) == ["elsewhere", "2s"]


@pytest.fixture
def key(transactional_db: None) -> ApiKey:
    workspace = Workspace.objects.create(name="w")
    Balance.objects.create(workspace=workspace, nanos=700, credit_line_nanos=50)
    return ApiKey.objects.create(workspace=workspace, name="k", digest=DIGEST, expires_at=NOON)


def found(key: ApiKey, engine: str, digests: list[bytes]) -> Principal | None:
    """Look the key up in one of the two stores."""
    if engine == "postgres":
        return in_postgres(lambda store: store.principal(digests))
    memory = MemoryKeys()
    owner = Principal(key_id=key.id, workspace_id=key.workspace_id, expires_at_ms=NOON_MS)
    memory.add(DIGEST, owner)
    return asyncio.run(memory.find(digests))


@pytest.mark.parametrize("engine", ["memory", "postgres"])
def test_a_key_is_found_under_any_pepper_with_its_owner(key: ApiKey, engine: str) -> None:
    assert found(key, engine, DIGESTS) == Principal(key_id=key.id, workspace_id=key.workspace_id, expires_at_ms=NOON_MS)


def test_a_key_comes_with_its_tiers_limits_and_its_own(key: ApiKey) -> None:
    tier = Tier.objects.create(name="t", requests_per_minute=5, tokens_per_minute=6, concurrent_requests=7)
    Workspace.objects.update(tier=tier)
    ApiKey.objects.update(tokens_per_minute=3)
    owner = found(key, "postgres", DIGESTS)
    assert owner is not None
    assert (owner.limits, owner.key_limits) == (Limits.of(5, 6, 7), Limits.of(5, 3, 7))


@pytest.mark.parametrize("engine", ["memory", "postgres"])
def test_an_unknown_digest_is_nobodys(key: ApiKey, engine: str) -> None:
    assert found(key, engine, [bytes(32)]) is None


def test_a_revoked_key_is_nobodys(key: ApiKey) -> None:
    ApiKey.objects.update(revoked_at=NOON)
    assert found(key, "postgres", DIGESTS) is None


def test_a_suspended_workspace_has_no_keys(key: ApiKey) -> None:
    Workspace.objects.update(suspended_at=NOON)
    assert found(key, "postgres", DIGESTS) is None


def test_a_later_use_is_noted_and_an_earlier_one_is_not(key: ApiKey) -> None:
    async def use(store: Postgres) -> None:
        for used_ms in (NOON_MS, NOON_MS - 5000):
            await store.note_use({key.id: used_ms, uuid4(): used_ms})

    in_postgres(use)
    assert ApiKey.objects.get().last_used_at == NOON


def price_rows() -> tuple[Price, ...]:
    day = timedelta(days=1)
    PriceRow.objects.all().delete()
    spans = [(NOON - 9 * day, NOON - day), (NOON - day, None)]
    rows = [
        PriceRow.objects.create(
            model=MODEL, input_nanos=900 + index, cached_nanos=180, output_nanos=3900, starts_at=start, ends_at=end
        )
        for index, (start, end) in enumerate(spans)
    ]
    PriceRow.objects.create(model="other", input_nanos=1, cached_nanos=1, output_nanos=1, starts_at=NOON - 9 * day)
    return tuple(
        Price(
            id=row.id,
            input_nanos=row.input_nanos,
            cached_nanos=180,
            output_nanos=3900,
            starts_at_ms=int(row.starts_at.timestamp() * 1000),
            ends_at_ms=None if row.ends_at is None else int(row.ends_at.timestamp() * 1000),
        )
        for row in rows
    )


@pytest.mark.parametrize("engine", ["memory", "postgres"])
def test_the_price_that_holds_is_found(transactional_db: None, engine: str) -> None:
    first, second = price_rows()
    at_ms = second.starts_at_ms
    if engine == "memory":
        memory = MemoryPrices()
        memory.add(MODEL, first)
        memory.add(MODEL, second)
        assert asyncio.run(memory.at(MODEL, at_ms)) == second
        assert asyncio.run(memory.at("unknown", at_ms)) is None
    else:
        assert holding(in_postgres(lambda store: store.prices(MODEL)), at_ms) == second
        assert in_postgres(lambda store: store.prices("unknown")) == ()


def test_the_drained_upstreams_are_those_an_operator_has_not_restored(transactional_db: None) -> None:
    assert in_postgres(lambda store: store.drained()) == frozenset()
    for name, draining in (("a", True), ("b", False), ("c", True)):
        UpstreamControl.objects.create(name=name, draining=draining, changed_at=NOON)
    assert in_postgres(lambda store: store.drained()) == {"a", "c"}


def test_a_database_without_the_table_gives_no_orders(transactional_db: None) -> None:
    elsewhere = f"{the_tests_database().rpartition('/')[0]}/postgres"
    with pytest.raises(StoreUnavailable):
        in_postgres(lambda store: store.drained(), elsewhere)


def test_a_postgres_that_is_away_is_no_answer() -> None:
    for ask in (
        lambda store: store.principal(DIGESTS),
        lambda store: store.note_use({UUID(int=1): NOON_MS}),
        lambda store: store.drained(),
    ):
        with pytest.raises(StoreUnavailable):
            in_postgres(ask, "postgres://pylo@127.0.0.1:9/none")


async def test_a_postgres_that_falls_silent_is_no_answer_in_time(key: ApiKey) -> None:
    real = urlsplit(the_tests_database())
    async with proxied(real.hostname or "", real.port or 5432, silent_from=b"accounts_apikey") as proxy:
        store = Postgres(at_port(the_tests_database(), proxy.port), patience=0.5)
        await store.open()
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailable):
                await store.principal(DIGESTS)
        assert proxy.holding.is_set()
        proxy.release()
        await store.close()


class Cache:
    """Notes what it is told to forget."""

    def __init__(self) -> None:
        self.dropped: list[UUID] = []
        self.distrusts = 0
        self._told = asyncio.Event()

    def drop(self, key_id: UUID) -> None:
        self.dropped.append(key_id)
        self._told.set()

    def distrust(self) -> None:
        self.distrusts += 1
        self._told.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                self._told.clear()
                await self._told.wait()


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client


@asynccontextmanager
async def listening(name: str = "contracts") -> AsyncIterator[Cache]:
    """Listen to the real Redis, under a name by which the connection can be told from others."""
    cache = Cache()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(revocations.listen(f"{settings.REDIS_URL}?client_name={name}", cache))
        await cache.until(lambda: cache.distrusts == 1)
        yield cache
        task.cancel()


async def test_an_announced_revocation_drops_the_key(client: redis.Redis) -> None:
    key_id = uuid4()
    async with listening() as cache:
        client.publish(revocations.CHANNEL, str(key_id))
        await cache.until(lambda: key_id in cache.dropped)
        assert cache.distrusts == 1


async def test_an_announcement_that_cannot_be_read_distrusts_all(client: redis.Redis) -> None:
    async with listening() as cache:
        client.publish(revocations.CHANNEL, "nonsense")
        await cache.until(lambda: cache.distrusts == 2)


async def test_a_lost_connection_is_made_again_and_the_gap_is_distrusted(client: redis.Redis) -> None:
    name, key_id = f"contracts-{uuid4()}", uuid4()
    async with listening(name) as cache:
        (connection_,) = [each for each in client.client_list() if each["name"] == name]
        client.client_kill(connection_["addr"])
        await cache.until(lambda: cache.distrusts == 2)
        client.publish(revocations.CHANNEL, str(key_id))
        await cache.until(lambda: key_id in cache.dropped)


async def test_nothing_is_trusted_before_redis_confirms_that_it_will_tell() -> None:
    parts = urlsplit(settings.REDIS_URL)
    cache = Cache()
    async with (
        proxied(parts.hostname or "", parts.port or 6379, silent_from=b"SUBSCRIBE") as proxy,
        asyncio.TaskGroup() as group,
    ):
        listening = group.create_task(revocations.listen(at_port(settings.REDIS_URL, proxy.port), cache))
        await proxy.holding.wait()
        for _ in range(100):
            await asyncio.sleep(0)  # here a key could be read, and then be revoked unheard
        assert cache.distrusts == 0
        proxy.release()
        await cache.until(lambda: cache.distrusts == 1)
        listening.cancel()


def test_a_redis_that_is_away_is_tried_again_without_an_end() -> None:
    async def main() -> int:
        cache = Cache()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await revocations.listen("redis://127.0.0.1:9/0", cache)
        return cache.distrusts

    assert asyncio.run(main()) == 0
