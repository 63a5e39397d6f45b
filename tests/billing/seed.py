"""Workspaces with keys and request records, for the tests of the read side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from accounts.models import ApiKey, Membership, Role, User, Workspace
from billing import pricing
from billing.models import Balance, Price, RequestRecord
from gateway.usage import Outcome, Tokens

NOW = datetime(2026, 11, 23, 14, 3, 20, tzinfo=UTC)
MODEL = "moonshotai/kimi-k2.6"
ANSWER = Tokens(prompt=1234, cached=1000, completion=567)


@dataclass(frozen=True, slots=True)
class Tenant:
    owner: User
    workspace: Workspace
    key: ApiKey


def tenant(name: str, role: Role = Role.OWNER) -> Tenant:
    owner = User.objects.create_user(f"{name}@example.com", "correct horse battery")
    workspace = Workspace.objects.create(name=name, created_at=NOW - timedelta(days=60))
    Membership.objects.create(workspace=workspace, user=owner, role=role)
    Balance.objects.create(workspace=workspace, nanos=5_000_000_000)
    return Tenant(owner, workspace, api_key(workspace, f"{name} key"))


def member(workspace: Workspace, role: Role) -> User:
    user = User.objects.create_user(f"{role}.{workspace.name}@example.com", "correct horse battery")
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return user


def api_key(workspace: Workspace, name: str) -> ApiKey:
    return ApiKey.objects.create(
        workspace=workspace, name=name, digest=uuid4().bytes * 2, prefix="pylo_sk_abcd", last_four="wxyz"
    )


def launch_price() -> Price:
    found = Price.objects.filter(model=MODEL, ends_at=None).first()
    return found or Price.objects.create(
        model=MODEL,
        input_nanos=900,
        cached_nanos=180,
        output_nanos=3900,
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def uuid7(at: datetime, number: int) -> UUID:
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | number)


_numbers = iter(range(1, 2**60))


def record(
    key: ApiKey,
    at: datetime,
    tokens: Tokens = ANSWER,
    outcome: Outcome = Outcome.COMPLETED,
    **fields: Any,
) -> RequestRecord:
    price = launch_price()
    bill = pricing.bill(tokens, outcome, price)
    uid = uuid7(at, next(_numbers))
    values: dict[str, Any] = {
        "uid": uid,
        "request_id": f"req_{uid}",
        "workspace": key.workspace,
        "key": key,
        "price": price,
        "model": MODEL,
        "stream": True,
        "admitted_at": at,
        "recorded_at": at + timedelta(seconds=3),
        "upstream": "sandbox",
        "attempts": 1,
        "status": 200,
        "outcome": outcome.value,
        "finish_reason": "stop",
        "prompt_tokens": tokens.prompt,
        "cached_tokens": tokens.cached,
        "completion_tokens": tokens.completion,
        "reasoning_tokens": tokens.reasoning,
        "usage_source": "upstream",
        "first_token_ms": 200,
        "duration_ms": 2200,
        "cost_nanos": bill.cost_nanos,
        "waived_nanos": bill.waived_nanos,
    }
    return RequestRecord.objects.create(**(values | fields))
