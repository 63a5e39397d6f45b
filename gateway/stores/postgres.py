"""The gateway's SQL: keys, prices, what is charged, what an operator has drained, and when keys were last used."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from gateway.idempotency import Done
from gateway.limits import UNTIERED, Limits
from gateway.ports import Price, Principal, StoreUnavailable
from gateway.usage import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
    from uuid import UUID

    from psycopg.rows import TupleRow

    from gateway.idempotency import Identity

T = TypeVar("T")

CONNECTIONS = 4
MOST_WAITING = 256
WAIT_SECONDS = 2.0
PATIENCE = 3.0  # seconds for an answer; Postgres's own limit does not run on a machine that is gone
MOST_CHARGED = 2  # connections that may be busy with looking for what a request repeats: keys and prices come first
OPTIONS = "-c statement_timeout=2000 -c application_name=pylo-gateway"

FIND_KEY = """
    SELECT k.id, k.workspace_id, k.expires_at,
        t.requests_per_minute, t.tokens_per_minute, t.concurrent_requests,
        k.requests_per_minute, k.tokens_per_minute, k.concurrent_requests
    FROM accounts_apikey k
    JOIN accounts_workspace w ON w.id = k.workspace_id
    LEFT JOIN accounts_tier t ON t.id = w.tier_id
    WHERE k.digest = ANY(%s) AND k.revoked_at IS NULL AND w.suspended_at IS NULL
"""
NOTE_USE = """
    UPDATE accounts_apikey k SET last_used_at = used.at
    FROM unnest(%s::uuid[], %s::timestamptz[]) AS used(id, at)
    WHERE k.id = used.id AND (k.last_used_at IS NULL OR k.last_used_at < used.at)
"""
FIND_CHARGED = """
    SELECT r.uid, i.digest, r.prompt_tokens, r.cached_tokens, r.completion_tokens, r.reasoning_tokens, r.cost_nanos
    FROM billing_idempotency i JOIN billing_requestrecord r ON r.uid = i.uid
    WHERE i.workspace_id = %b AND i.digest = ANY(%b) AND i.admitted_at > %b
    ORDER BY i.admitted_at LIMIT 1
"""
CURRENT_PRICES = """
    SELECT id, input_nanos, cached_nanos, output_nanos, starts_at, ends_at FROM billing_price
    WHERE model = %s AND (ends_at IS NULL OR ends_at > now()) ORDER BY starts_at
"""
DRAINED = "SELECT name FROM pylo_site_upstreamcontrol WHERE draining"


def _options(url: str) -> str:
    """Return what the URL asks of the server's settings; ours come after it, and hold where both say something."""
    return str(conninfo_to_dict(url).get("options") or "")


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


class Postgres:
    """A small pool. It opens without waiting: a database that is away makes look-ups fail, not the process."""

    def __init__(self, url: str, *, patience: float = PATIENCE, retry_patience: float = PATIENCE) -> None:
        self._patience = patience
        self._retry_patience = retry_patience
        self._asking: set[asyncio.Task[Any]] = set()
        self._charged_slots = asyncio.Semaphore(MOST_CHARGED)
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=CONNECTIONS,
            max_waiting=MOST_WAITING,
            timeout=WAIT_SECONDS,
            kwargs={"connect_timeout": 2, "autocommit": True, "options": f"{_options(url)} {OPTIONS}".strip()},
            open=False,
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self) -> None:
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=WAIT_SECONDS)

    async def principal(self, digests: Sequence[bytes]) -> Principal | None:
        return await self._answered(self._principal(digests))

    async def note_use(self, used: Mapping[UUID, int]) -> None:
        """Write the latest uses in one statement; an older one never overwrites a newer."""
        await self._answered(self._note_use(used))

    async def prices(self, model: str) -> tuple[Price, ...]:
        """Return the prices of a model that hold now or later."""
        return await self._answered(self._prices(model))

    async def drained(self) -> frozenset[str]:
        """Return the names of the upstreams that an operator has drained."""
        return await self._answered(self._drained())

    async def charged(self, asked: Identity, since_ms: int) -> Done | None:
        return await self._answered(self._charged(asked, since_ms), self._retry_patience)

    async def row(self, query: str, values: Mapping[str, object]) -> TupleRow:
        """Return the one row of a statement."""
        return await self._answered(self._row(query, values))

    async def run(self, query: str, values: Sequence[object]) -> None:
        await self._answered(self._run(query, values))

    async def _answered(self, asking: Coroutine[Any, Any, T], patience: float = 0.0) -> T:
        """Wait so long and no longer. What does not answer is cancelled beside: that may take psycopg seconds more."""
        task = asyncio.create_task(asking)  # noqa: TID251 - ends by itself, at the latest with the pool
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        try:
            done, _ = await asyncio.wait({task}, timeout=patience or self._patience)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            raise StoreUnavailable
        return task.result()

    async def _row(self, query: str, values: Mapping[str, object]) -> TupleRow:
        async with self._connection() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        if row is None:
            raise StoreUnavailable("no row")
        return row

    async def _run(self, query: str, values: Sequence[object]) -> None:
        async with self._connection() as connection:
            await connection.execute(query, values)

    async def _principal(self, digests: Sequence[bytes]) -> Principal | None:
        async with self._connection() as connection:
            cursor = await connection.execute(FIND_KEY, (list(digests),))
            row = await cursor.fetchone()
        if row is None:
            return None
        key_id, workspace_id, expires_at, *limits = row
        of_workspace = UNTIERED if limits[0] is None else Limits.of(*limits[:3])
        return Principal(
            key_id=key_id,
            workspace_id=workspace_id,
            expires_at_ms=None if expires_at is None else milliseconds(expires_at),
            limits=of_workspace,
            key_limits=of_workspace.lowered(*limits[3:]),
        )

    async def _note_use(self, used: Mapping[UUID, int]) -> None:
        async with self._connection() as connection:
            await connection.execute(NOTE_USE, (list(used), [moment(at_ms) for at_ms in used.values()]))

    async def _prices(self, model: str) -> tuple[Price, ...]:
        async with self._connection() as connection:
            rows = await (await connection.execute(CURRENT_PRICES, (model,))).fetchall()
        return tuple(
            Price(
                id=id_,
                input_nanos=input_nanos,
                cached_nanos=cached_nanos,
                output_nanos=output_nanos,
                starts_at_ms=milliseconds(starts_at),
                ends_at_ms=None if ends_at is None else milliseconds(ends_at),
            )
            for id_, input_nanos, cached_nanos, output_nanos, starts_at, ends_at in rows
        )

    async def _drained(self) -> frozenset[str]:
        async with self._connection() as connection:
            rows = await (await connection.execute(DRAINED)).fetchall()
        return frozenset(name for (name,) in rows)

    async def _charged(self, asked: Identity, since_ms: int) -> Done | None:
        async with self._charged_slots, self._connection() as connection:
            values = (asked.workspace_id, list(asked.digests), moment(since_ms))
            row = await (await connection.execute(FIND_CHARGED, values, binary=True)).fetchone()
        if row is None:
            return None
        uid, digest, prompt, cached, completion, reasoning, cost_nanos = row
        return Done(uid, digest, Tokens(prompt, cached, completion, reasoning), cost_nanos)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.Error, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from None
