from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from openai import OpenAI, RateLimitError

from tests.wire.asking import HAIKU, MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.stack import Member, Stack

GO_DURATION = re.compile(r"(?:\d+h)?(?:\d+m)?\d+(?:\.\d{1,3})?s|\d+ms")
HELLO: Any = {"model": MODEL, "messages": HAIKU}


def limited(stack: Stack, *, requests: int, tokens: int = 1_000_000, concurrent: int = 50) -> Member:
    """Make a member whose workspace is in a tier of its own."""
    member = stack.member()
    ((tier,),) = stack.sql(
        "INSERT INTO accounts_tier (name, requests_per_minute, tokens_per_minute, concurrent_requests, is_first)"
        " VALUES (%s, %s, %s, %s, false) RETURNING id",
        member.workspace,
        requests,
        tokens,
        concurrent,
    )
    stack.sql("UPDATE accounts_workspace SET tier_id = %s WHERE id = %s RETURNING id", tier, member.workspace)
    return member


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20) as client:
        yield client


def ask(http: httpx.Client, base: str, member: Member) -> httpx.Response:
    headers = {"Authorization": f"Bearer {member.key}"}
    return http.post(f"{base}/chat/completions", json=HELLO, headers=headers)


@pytest.mark.conformance(140)
def test_a_limit_holds_over_all_processes(stack: Stack, http: httpx.Client) -> None:
    member = limited(stack, requests=4)
    stack.upstream.heal()
    bases = [stack.api_base, stack.served_by("moonshot")] * 6
    with ThreadPoolExecutor(12) as threads:
        statuses = [answer.status_code for answer in threads.map(lambda base: ask(http, base, member), bases)]
    assert sorted(statuses) == [200] * 4 + [429] * 8


@pytest.mark.conformance(130, 133)
def test_the_official_client_waits_as_long_as_it_is_told(stack: Stack, http: httpx.Client) -> None:
    member = limited(stack, requests=10)
    stack.upstream.heal()
    with OpenAI(base_url=stack.api_base, api_key=member.key, timeout=30) as client:
        answers = [ask(http, stack.api_base, member)]
        while answers[-1].status_code == 200:
            answers.append(ask(http, stack.api_base, member))
        began = time.monotonic()
        answer = client.chat.completions.with_raw_response.create(**HELLO)
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "requests"
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 8
    assert answer.retries_taken >= 1
    assert time.monotonic() - began >= 1.0
    for kind in ("requests", "tokens"):
        assert int(answer.headers[f"x-ratelimit-limit-{kind}"]) in (10, 1_000_000)
        assert int(answer.headers[f"x-ratelimit-remaining-{kind}"]) >= 0
        assert GO_DURATION.fullmatch(answer.headers[f"x-ratelimit-reset-{kind}"])
    left = [int(each.headers["x-ratelimit-remaining-requests"]) for each in answers[:5]]
    assert left == sorted(left, reverse=True)


@pytest.mark.conformance(131)
def test_a_request_that_never_fits_is_not_sent_again(stack: Stack) -> None:
    member = limited(stack, requests=30, tokens=10)
    with (
        OpenAI(base_url=stack.api_base, api_key=member.key, timeout=20) as client,
        pytest.raises(RateLimitError, match="too large for this workspace") as caught,
    ):
        client.chat.completions.create(**HELLO)
    assert caught.value.type == "tokens"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"
