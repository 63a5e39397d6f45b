"""Journal segments of a living gateway into Postgres, by the product's own shipper."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.utils import timezone

from accounts.models import ApiKey, Workspace
from bench.ledger_journal import record
from bench.ledger_progress import Progress
from billing import ledger
from billing.models import Price
from gateway.journal import Journal
from gateway.meter import Admitted
from gateway.uids import ENTROPY_BYTES, uuid7
from pylo_site import garbage
from pylo_site.management.commands import ship
from pylo_site.shipper import Shipper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from gateway.usage import RequestRecord

WORKSPACES = (1, 50, 1000)
CREDIT_NANOS = 10**15


@dataclass(frozen=True, slots=True)
class Shipped:
    workspaces: int
    records: int
    seconds: float


@dataclass(slots=True)
class _Counting:
    """The ledger, with a look at how far it is."""

    progress: Progress
    records: int = 0

    def append(
        self, records: Sequence[RequestRecord], *, segment: str, shipped: int, recorded_at: datetime, batch: UUID
    ) -> object:
        done = ledger.append(records, segment=segment, shipped=shipped, recorded_at=recorded_at, batch=batch)
        self.records += done.inserted
        self.progress.at(self.records)
        return done

    shipped_offset = staticmethod(ledger.shipped_offset)
    forget = staticmethod(ledger.forget)
    bury = staticmethod(ledger.bury)


def make_keys(count: int, at: datetime) -> list[ApiKey]:
    """Make workspaces with credit, each with a key."""
    workspaces = Workspace.objects.bulk_create([Workspace(name=f"bench {number}") for number in range(count)])
    for workspace in workspaces:
        ledger.open_balance(workspace=workspace, credit_nanos=CREDIT_NANOS, at=at)
    return ApiKey.objects.bulk_create(
        [
            ApiKey(workspace=each, name="bench", digest=os.urandom(32), prefix="pylo_sk_abcd", last_four="wxyz")
            for each in workspaces
        ]
    )


def measure(folder: Path, records: int) -> Iterator[Shipped]:
    for workspaces in WORKSPACES:
        yield _ship(folder / f"ship-{workspaces}", workspaces, records)


def _ship(root: Path, workspaces: int, records: int) -> Shipped:
    keys = make_keys(workspaces, timezone.now())
    price = Price.objects.order_by("starts_at").values_list("id", flat=True)[0]
    journal = asyncio.run(_written(root, keys, price, records))
    try:
        counting = _Counting(Progress(f"shipping, {workspaces} workspaces", records))
        shipper = Shipper(root, counting, timezone.now)
        garbage.rarely(ship.GC_AFTER)  # as the command does
        began = time.perf_counter()
        shipper.ship()
        took = time.perf_counter() - began
        return Shipped(workspaces, counting.records, took)
    finally:
        asyncio.run(journal.close())
        shutil.rmtree(root, ignore_errors=True)


async def _written(root: Path, keys: Sequence[ApiKey], price: UUID, records: int) -> Journal:
    """Journal requests as a gateway does, its four frames each; the journal stays open, as a living gateway's is."""
    journal = Journal(root / "host" / f"1-2-{uuid4().hex[:8]}")
    for number in range(records):
        at_ms = time.time_ns() // 1_000_000
        key = keys[number % len(keys)]
        made = record(uuid7(at_ms, os.urandom(ENTROPY_BYTES)), key.workspace_id, key.id, price, at_ms)
        await journal.admit(_admitted(made))
        journal.attempt(made.uid, made.upstream, 1)
        journal.first(made.uid, at_ms + 210)
        journal.settle(made)
    await journal.sync()
    return journal


def _admitted(made: RequestRecord) -> Admitted:
    return Admitted(
        uid=made.uid,
        request_id=made.request_id,
        workspace_id=made.workspace_id,
        key_id=made.key_id,
        price_id=made.price_id,
        model=made.model,
        stream=made.stream,
        admitted_at_ms=made.admitted_at_ms,
    )
