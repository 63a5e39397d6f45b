"""What the gateway can learn of charged requests: from the ledger's rows, and from the twin in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from billing import ledger
from gateway.idempotency import DAY_MS, Done
from gateway.ports import StoreUnavailable
from gateway.stores.memory import MemoryCharged
from gateway.stores.postgres import Postgres
from gateway.usage import Tokens
from tests.billing.factories import launch_price, make_key, make_request, make_workspace
from tests.fakes.engines import at_port, the_tests_database
from tests.fakes.proxy import proxied
from tests.gateway.claims import IDENTITIES

if TYPE_CHECKING:
    from accounts.models import ApiKey
    from gateway.idempotency import Identity

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
FIRST, TOKENS, COST = UUID(int=7), Tokens(1234, 1000, 567, 500), 2_601_900
ENGINES = pytest.mark.parametrize("engine", ["memory", "postgres"])


@pytest.fixture
def key(transactional_db: None) -> ApiKey:
    launch_price()
    return make_key(make_workspace())


def asked(workspace: UUID, body: bytes = b"{}", at_ms: int = NOON_MS) -> Identity:
    return IDENTITIES.loose(uuid4(), workspace, "trace-1", body, at_ms)


def found(engine: str, key: ApiKey, one: Identity, since_ms: int = NOON_MS - 1) -> Done | None:
    """Ask one of the two stores about `one`, where the workspace's request of noon is charged."""
    digests = asked(key.workspace_id).digests
    if engine == "memory":
        memory = MemoryCharged()
        memory.charged_at[digests[0]] = Done(FIRST, digests[0], TOKENS, COST), NOON_MS
        return asyncio.run(memory.charged(one, since_ms))
    request = make_request(key, at=NOON, uid=FIRST, tokens=TOKENS, digests=digests)
    ledger.append([request], segment="a/1.log", shipped=1, recorded_at=NOON)

    async def main() -> Done | None:
        store = Postgres(the_tests_database(), retry_patience=20)
        await store.open()
        try:
            return await store.charged(one, since_ms)
        finally:
            await store.close()

    return asyncio.run(main())


@ENGINES
@pytest.mark.parametrize("at_ms", [NOON_MS, NOON_MS + DAY_MS - 1])
def test_a_charged_request_is_found_by_its_retry_of_that_day_and_of_the_next(
    key: ApiKey, engine: str, at_ms: int
) -> None:
    retry = asked(key.workspace_id, at_ms=at_ms)
    done = found(engine, key, retry)
    assert done is not None
    assert done.digest in retry.digests
    assert replace(done, digest=b"") == Done(FIRST, b"", TOKENS, COST)


@ENGINES
@pytest.mark.parametrize(("body", "since_ms"), [(b"[]", NOON_MS - 1), (b"{}", NOON_MS)])
def test_another_body_and_what_is_too_long_ago_are_not_found(
    key: ApiKey, engine: str, body: bytes, since_ms: int
) -> None:
    assert found(engine, key, asked(key.workspace_id, body), since_ms) is None


@ENGINES
def test_another_workspaces_is_not_found(key: ApiKey, engine: str) -> None:
    assert found(engine, key, asked(uuid4())) is None


def test_a_postgres_that_says_nothing_is_no_answer_in_time(transactional_db: None) -> None:
    parts = urlsplit(the_tests_database())

    async def main() -> None:
        async with proxied(parts.hostname or "", parts.port or 5432, silent_from=b"billing_idempotency") as proxy:
            store = Postgres(at_port(the_tests_database(), proxy.port), patience=60, retry_patience=0.1)
            await store.open()
            async with asyncio.timeout(20):
                with pytest.raises(StoreUnavailable):
                    await store.charged(asked(uuid4()), 0)
            assert proxy.holding.is_set()
            proxy.release()
            await store.close()

    asyncio.run(main())
