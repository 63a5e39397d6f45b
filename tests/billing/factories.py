"""Plain functions that make what billing counts: a workspace, its keys, requests that ended."""

from __future__ import annotations

import random
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from accounts.models import ApiKey, Workspace
from billing import ledger
from billing.models import Price
from gateway.usage import Outcome, RequestRecord, Tokens, UsageSource

if TYPE_CHECKING:
    from collections.abc import Iterator

LAUNCH_PRICE = uuid.UUID("01946f4e-0000-7000-8000-000000000001")
MODEL = "moonshotai/kimi-k2.6"
NOON = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same every run, and no secret


def launch_price() -> Price:
    """Return the price of the migration; put again where a test that truncates ran before."""
    rates = {"input_nanos": 900, "cached_nanos": 180, "output_nanos": 3900}
    return Price.objects.get_or_create(
        id=LAUNCH_PRICE, defaults={"model": MODEL, "starts_at": datetime(2026, 1, 1, tzinfo=UTC), **rates}
    )[0]


def make_workspace(name: str = "Acme") -> Workspace:
    return Workspace.objects.create(name=name)


def make_key(workspace: Workspace, name: str = "ci") -> ApiKey:
    return ApiKey.objects.create(
        workspace=workspace, name=name, digest=uuid.uuid4().bytes * 2, prefix="pylo_sk_abcd", last_four="wxyz"
    )


def make_request(key: ApiKey, *, at: datetime = NOON, tokens: Tokens | None = None, **fields: Any) -> RequestRecord:
    uid = fields.pop("uid", None) or uuid.uuid4()
    facts: dict[str, Any] = {
        "uid": uid,
        "request_id": f"req_{uid}",
        "workspace_id": key.workspace_id,
        "key_id": key.id,
        "price_id": LAUNCH_PRICE,
        "model": MODEL,
        "stream": True,
        "admitted_at_ms": (at - EPOCH) // timedelta(milliseconds=1),
        "upstream": "sandbox",
        "attempts": 1,
        "status": 200,
        "outcome": Outcome.COMPLETED,
        "finish_reason": "stop",
        "error_code": "",
        "tokens": tokens or Tokens(prompt=1234, cached=1000, completion=567, reasoning=500),
        "usage_source": UsageSource.UPSTREAM,
        "first_token_ms": 210,
        "duration_ms": 1_930,
    }
    return RequestRecord(**(facts | fields))


def record(
    *requests: RequestRecord, at: datetime | None = None, segment: str = "host/boot-1/0001.log"
) -> ledger.Appended:
    """Append them; without `at` as soon as the last of them, one by one where they are months apart."""
    plausible = [request.admitted_at_ms for request in requests if request.admitted_at_ms < 2**41]
    times = [EPOCH + timedelta(milliseconds=at_ms) for at_ms in plausible]
    if at is None and times and max(times) - min(times) > timedelta(days=30):
        each = [record(request, segment=segment) for request in requests]
        sums = ((one.inserted, one.duplicates, one.cost_nanos) for one in each)
        return ledger.Appended(*map(sum, zip(*sums, strict=True)))
    recorded_at = at or max([NOON, *times] if not times or min(times) > NOON - timedelta(days=30) else times)
    return ledger.append(requests, segment=segment, shipped=len(requests), recorded_at=recorded_at)


@contextmanager
def forged() -> Iterator[None]:
    """Let through what Postgres's triggers refuse, to change what is written for good."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = origin")


def check_now() -> None:
    """Have Postgres check what it would check at the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
