"""Thousands of requests at once against a balance and against a key's budget, over two processes: no cap is passed."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
import redis

from tests.chaos.load import SHORT, Told, ask
from tests.fakes import stack as product
from tests.fakes.stack import DOLLAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.stack import Member, Stack

REQUESTS: Final = 5_000
AT_ONCE: Final = 400
AGAIN: Final = {429, 503}  # come again, as the SDKs do
RECOVERY_SECONDS: Final = 5.0
DEARER: Final = "UPDATE billing_price SET output_nanos = 1000000 RETURNING id"
BALANCE: Final = "SELECT nanos FROM billing_balance WHERE workspace_id = %s"
SPENT: Final = "SELECT count(*), coalesce(sum(cost_nanos), 0) FROM billing_requestrecord WHERE workspace_id = %s"
BUDGET: Final = """
INSERT INTO billing_budget (id, workspace_id, key_id, period, limit_nanos, created_at)
VALUES (gen_random_uuid(), %s, %s, 'day', %s, now()) RETURNING id
"""
ROOMY: Final = "UPDATE accounts_tier SET requests_per_minute = 1000000, tokens_per_minute = 1000000000 RETURNING id"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, list[int]]]:
    """A product of its own, of two processes on one Redis; answers are dear."""
    with product.running(tmp_path_factory.mktemp("caps"), environ=os.environ) as stack:  # noqa: TID251 - the engines
        stack.sql(DEARER)
        stack.sql(ROOMY)
        other = urlsplit(stack.served_by("moonshot", PYLO_PROCESSES="2"))
        ports = [urlsplit(stack.base_url).port or 0, other.port or 0]
        yield stack, ports


def storm(ports: list[int], member: Member, flush: Any = None, requests: int = REQUESTS) -> list[Told]:
    """Ask so often, so many at once; who is told to come again does, once or twice. `flush` is called midway."""

    async def main() -> list[Told]:
        room, ended = asyncio.Semaphore(AT_ONCE), 0

        async def one(number: int) -> Told:
            nonlocal ended
            async with room:
                began = time.monotonic()
                told = Told(began, "", 0, 0.0, 0.0, "")
                for attempt in range(3):
                    told = await ask(ports[number % 2], member.key, f"{member.key_id}-{number}-{attempt}", SHORT)
                    if told.status not in AGAIN:
                        break
                    await asyncio.sleep(1.0)
                ended += 1
                if flush is not None and ended == requests // 10:
                    flush()
                whole = time.monotonic() - began
                return Told(began, told.name, told.status, told.first, whole, told.code)

        return list(await asyncio.gather(*map(one, range(requests))))

    return asyncio.run(main())


def spent(stack: Stack, member: Member, told: list[Told]) -> int:
    """Return what the member's records cost, once every answer is recorded; the balance must be the rest."""
    answered = sum(each.status == 200 for each in told)
    stack.eventually(lambda: stack.sql(SPENT, member.workspace)[0][0] >= answered, within=30)
    ((_, cost),) = stack.sql(SPENT, member.workspace)
    ((balance,),) = stack.sql(BALANCE, member.workspace)
    assert balance == member.credit * DOLLAR - cost
    return int(cost)


def held(stack: Stack, member: Member) -> int:
    """Return what Redis has as held in all purses of a workspace, but for the escrow."""
    with redis.Redis.from_url(stack.env["REDIS_URL"], decode_responses=True) as client:
        workspace = member.workspace.replace("-", "")
        purses = [client.hgetall(key) for key in client.scan_iter(f"pylo:purse:{workspace}:*")]
    totals = sum(int(purse.get("total", 0)) for purse in purses)
    return totals - sum(int(n) for purse in purses for name, n in purse.items() if name[0] == "e" and ":" in name)


def seen(told: list[Told]) -> str:
    return ", ".join(f"{count} × {status}" for status, count in Counter(each.status for each in told).most_common())


@pytest.mark.timeout(180)
def test_rule_22_five_thousand_requests_at_once_never_pass_a_balance(pair: tuple[Stack, list[int]]) -> None:
    stack, ports = pair
    member = stack.member(credit=5)
    told = storm(ports, member)
    cost = spent(stack, member, told)
    assert 4.9 * DOLLAR < cost <= 5 * DOLLAR, seen(told)
    assert {each.status for each in told} <= {200, 402, 429, 503, 504}
    stack.eventually(lambda: held(stack, member) == 0)


@pytest.mark.timeout(180)
def test_rule_22_five_thousand_requests_at_once_never_pass_a_keys_budget(pair: tuple[Stack, list[int]]) -> None:
    stack, ports = pair
    member = stack.member(credit=100)
    stack.sql(BUDGET, member.workspace, member.key_id, DOLLAR)
    told = storm(ports, member)
    cost = spent(stack, member, told)
    assert 0.9 * DOLLAR < cost <= DOLLAR, seen(told)
    assert {each.code for each in told if each.status == 402} == {"budget_exceeded"}
    stack.eventually(lambda: held(stack, member) == 0)


@pytest.mark.timeout(180)
def test_rule_25_a_redis_that_is_emptied_midway_lets_no_cap_be_passed(pair: tuple[Stack, list[int]]) -> None:
    stack, ports = pair
    member, flushed = stack.member(credit=5), list[float]()

    def flush() -> None:
        with redis.Redis.from_url(stack.env["REDIS_URL"]) as client:
            client.flushdb()
        flushed.append(time.monotonic())

    told = storm(ports, member, flush)
    cost = spent(stack, member, told)
    after = [each for each in told if each.due > flushed[0] and each.status == 200]
    recovered = min(each.due + each.whole for each in after) - flushed[0]
    assert 4.9 * DOLLAR < cost <= 5 * DOLLAR, seen(told)
    assert recovered < RECOVERY_SECONDS
    stack.eventually(lambda: held(stack, member) == 0)
