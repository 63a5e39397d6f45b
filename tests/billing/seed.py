"""Workspaces with people, keys and request records, for the tests of the pages and reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from billing import ledger
from billing.models import RequestRecord
from gateway.usage import Outcome, Tokens
from tests import cast
from tests.billing.factories import launch_price, make_key, make_request

if TYPE_CHECKING:
    from accounts.models import ApiKey, Role, User, Workspace

NOW = datetime(2026, 11, 23, 14, 3, 20, tzinfo=UTC)
ANSWER = Tokens(prompt=1234, cached=1000, completion=567)


@dataclass(frozen=True, slots=True)
class Tenant:
    owner: User
    workspace: Workspace
    key: ApiKey


def tenant(name: str) -> Tenant:
    owner = cast.make_user(f"{name}@example.com")
    workspace = cast.make_workspace(owner, name=name, credit_nanos=5_000_000_000)
    launch_price()
    return Tenant(owner, workspace, make_key(workspace, f"{name} key"))


def member(workspace: Workspace, role: Role) -> User:
    return cast.join(workspace, cast.make_user(), role)


def uuid7(at: datetime, number: int) -> UUID:
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | number)


_numbers = iter(range(1, 2**60))


def record(
    key: ApiKey,
    at: datetime,
    tokens: Tokens = ANSWER,
    outcome: Outcome = Outcome.COMPLETED,
    *,
    recorded_at: datetime | None = None,
    **fields: Any,
) -> RequestRecord:
    """Write one request as the shipper does."""
    uid = uuid7(at, next(_numbers))
    made = make_request(
        key, at=at, tokens=tokens, outcome=outcome, uid=uid, **{"first_token_ms": 200, "duration_ms": 2200} | fields
    )
    ledger.append([made], segment="host/1/1.log", shipped=1, recorded_at=recorded_at or at + timedelta(seconds=3))
    return RequestRecord.objects.get(uid=uid)
