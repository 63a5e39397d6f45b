"""The journal alone: appends awaited to their fsync, beside a bare write of the same bytes to the same disk."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import uvloop

from bench.ledger_figures import Latency, latency
from gateway import frames
from gateway.frames import Settle
from gateway.journal import SEGMENT_BYTES, Journal
from gateway.preallocation import preallocate
from gateway.usage import Outcome, RequestRecord, Tokens, UsageSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT_ONCE = (1, 32, 256)
NOTES, NOTING = 200_000, 100  # forwards, and requests that they are of
TOKENS = Tokens(prompt=1234, cached=1000, completion=567, reasoning=500)


def record(uid: UUID, workspace: UUID, key: UUID, price: UUID, at_ms: int) -> RequestRecord:
    """Return what a gateway journals of a request that ended well."""
    return RequestRecord(
        uid=uid,
        request_id=f"req_{uid}",
        workspace_id=workspace,
        key_id=key,
        price_id=price,
        model="moonshotai/kimi-k2.6",
        stream=True,
        admitted_at_ms=at_ms,
        upstream="primary",
        attempts=1,
        status=200,
        outcome=Outcome.COMPLETED,
        finish_reason="stop",
        error_code="",
        tokens=TOKENS,
        usage_source=UsageSource.UPSTREAM,
        first_token_ms=210,
        duration_ms=1930,
    )


def measure(folder: Path, seconds: float) -> Iterator[Latency]:
    """Yield the bare write's figures, then the journal's, each measured for so many seconds."""
    yield bare(folder, seconds)
    for at_once in AT_ONCE:
        yield uvloop.run(_appends(folder, at_once, seconds))


def bare(folder: Path, seconds: float) -> Latency:
    """Write and sync the bytes of one record again and again: what the disk can do for who waits for it."""
    data = frames.encode(Settle(_some()))
    path = folder / "bare"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        preallocate(file, SEGMENT_BYTES)
        took: list[float] = []
        began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            os.write(file, data)
            os.fdatasync(file)
            took.append(time.perf_counter() - now)
        return latency(None, took, time.perf_counter() - began)
    finally:
        os.close(file)
        path.unlink()


async def _appends(folder: Path, at_once: int, seconds: float) -> Latency:
    with _journal(folder) as journal:
        some, took = _some(), []
        began = time.perf_counter()

        async def append() -> None:
            while (now := time.perf_counter()) < began + seconds:
                journal.settle(some)
                await journal.sync()
                took.append(time.perf_counter() - now)

        await asyncio.gather(*(append() for _ in range(at_once)))
        found = latency(at_once, took, time.perf_counter() - began)
        await journal.close()
        return found


def note_ns(folder: Path) -> float:
    """Return what noting the progress of a request costs, for each forward."""
    with _journal(folder) as journal:
        uids = [UUID(int=number) for number in range(1, NOTING + 1)]
        began = time.perf_counter_ns()
        for number in range(NOTES):
            journal.progress(uids[number % NOTING], TOKENS, UsageSource.COUNTED)
        took = time.perf_counter_ns() - began
        uvloop.run(journal.close())
        return took / NOTES


def _some() -> RequestRecord:
    return record(UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4), 1_795_382_400_000)


@contextmanager
def _journal(folder: Path) -> Iterator[Journal]:
    root = folder / "latency"
    try:
        yield Journal(root / "host" / "1-2-3")
    finally:
        shutil.rmtree(root, ignore_errors=True)
