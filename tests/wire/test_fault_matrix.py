"""Two upstreams, the first of them faulty: what a client sees of it, and of which upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from openai import APIError, APIStatusError, OpenAI

from tests.wire.asking import HAIKU, MODEL, alike, chunks, named, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.sandbox import Call
    from tests.fakes.stack import Member, Stack

RECORD = """
SELECT upstream, attempts, outcome, cost_nanos > 0, completion_tokens FROM billing_requestrecord WHERE request_id = %s
"""
BEFORE_THE_FIRST_TOKEN: list[dict[str, Any]] = [
    *({"status": status} for status in (500, 503, 529, 401, 402, 403, 404)),
    {"status": 429, "type": "engine_overloaded_error", "retry_after": 3},
    {"status": 429, "type": "exceeded_current_quota_error"},
    {"kind": "hang"},  # accepts, no headers
    {"kind": "silence"},  # 200, then nothing
    {"kind": "comments"},  # 200, then comments and no token
    *({"kind": kind} for kind in ("error_first", "flat_error", "role_then_error", "empty", "only_done")),
    *({"kind": kind} for kind in ("html", "json", "redirect", "garbage")),
    *({"kind": "cut", "after": 0, "how": how} for how in ("reset", "close", "eof")),
    {"kind": "error", "after": 0},
    {"kind": "stall", "after": 0},
]
AFTER_IT: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "cut", "after": 5, "how": "reset"}, "upstream_error", "upstream_cut"),
    ({"kind": "cut", "after": 5, "how": "close"}, "upstream_error", "upstream_cut"),
    ({"kind": "cut", "after": 5, "how": "eof"}, "upstream_truncated", "upstream_cut"),
    ({"kind": "error", "after": 5}, "upstream_error", "upstream_cut"),
    ({"kind": "stall", "after": 5}, "upstream_timeout", "stalled"),
]


def spelled(value: dict[str, Any] | str) -> str:
    return value if isinstance(value, str) else "-".join(map(str, value.values()))


@pytest.fixture(scope="module")
def pair(stack: Stack) -> str:
    """The API's base URL of a server with two upstreams."""
    return stack.served_by("moonshot", "moonshot")


@pytest.fixture(scope="module")
def healthy(pair: str, stack: Stack, member: Member) -> bytes:
    """What a client gets when nothing fails."""
    stack.upstream.heal()
    return alike(post(pair, member.key, stream=True).content)


@pytest.fixture(autouse=True)
def healed(stack: Stack) -> Iterator[None]:
    stack.upstream.heal()
    yield
    stack.upstream.heal()


@pytest.mark.conformance(78, 126, 136, 137, 155, 156)
@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_TOKEN, ids=spelled)
def test_before_the_first_token_the_second_answers_and_nothing_of_the_first_shows(
    pair: str, stack: Stack, member: Member, healthy: bytes, fault: dict[str, Any]
) -> None:
    mine = named()
    stack.upstream.fail(fault)
    answer = post(pair, member.key, stream=True, named=mine)
    assert (answer.status_code, alike(answer.content)) == (200, healthy)
    assert answer.headers["x-pylo-attempts"] == "2"
    assert [part.partition(";")[0] for part in answer.headers["server-timing"].split(", ")] == [
        *("gateway", "upstream", "failover")
    ]
    ((upstream, attempts, outcome, charged, tokens),) = stack.eventually(lambda: stack.sql(RECORD, mine))
    assert (upstream, attempts, outcome, charged) == ("second", 2, "completed", True)
    first, second = stack.eventually(lambda: ended(stack, mine, 2))
    assert (first.tokens, second.reason, second.tokens) == (0, "finish", tokens)


@pytest.mark.conformance(74, 77, 124, 126)
@pytest.mark.parametrize(("fault", "code", "outcome"), AFTER_IT, ids=spelled)
def test_after_the_first_token_it_is_an_error_in_the_stream_and_never_the_second(
    pair: str, stack: Stack, member: Member, fault: dict[str, Any], code: str, outcome: str
) -> None:
    mine = named()
    stack.upstream.fail(fault)
    answer = post(pair, member.key, stream=True, named=mine, stream_options={"include_usage": True})
    role, *tokens, failure = chunks(answer.content)
    assert (answer.status_code, role["choices"][0]["delta"]["role"], len(tokens)) == (200, "assistant", 5)
    assert failure["error"]["code"] == code
    assert failure["choices"] == [{"index": 0, "delta": {"content": ""}, "logprobs": None, "finish_reason": "error"}]
    assert b"[DONE]" not in answer.content
    assert [chunk["usage"] for chunk in tokens] == [None] * 5
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("first", 1, outcome, False, 5)]
    assert len(stack.upstream.calls(mine)) == 1


@pytest.mark.conformance(78, 123, 138)
def test_when_both_fail_a_client_is_told_so_once_and_does_not_try_again(
    pair: str, stack: Stack, member: Member
) -> None:
    mine = named()
    stack.upstream.fail({"status": 503, "times": 9})
    with OpenAI(base_url=pair, api_key=member.key, timeout=20) as client, pytest.raises(APIStatusError) as error:
        client.chat.completions.create(model=MODEL, messages=HAIKU, stream=True, extra_headers={"X-Request-Id": mine})
    assert (error.value.status_code, error.value.code) == (502, "upstream_error")
    assert len(stack.upstream.calls(mine)) == 2
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("second", 2, "upstream_error", False, 0)]


@pytest.mark.conformance(132, 136)
def test_when_both_are_at_capacity_a_client_is_told_how_long_to_wait(pair: str, stack: Stack, member: Member) -> None:
    busy = {"status": 429, "type": "engine_overloaded_error", "message": "account org-123 is overloaded"}
    stack.upstream.fail(busy | {"retry_after": 9}, busy | {"retry_after": 4})
    answer = post(pair, member.key, stream=True)
    told = answer.headers["retry-after"]
    assert (answer.status_code, answer.headers["retry-after-ms"]) == (429, f"{told}000")
    assert told in {"4", "5"}  # up to a quarter more, so that not all come back at once
    assert answer.json()["error"]["code"] == "capacity_exhausted"
    assert "org-123" not in answer.text


@pytest.mark.conformance(137, 155)
@pytest.mark.parametrize("status", [401, 402, 403, 404, 429])
def test_what_is_wrong_with_our_account_is_never_the_customers(
    pair: str, stack: Stack, member: Member, status: int
) -> None:
    kind = "exceeded_current_quota_error" if status == 429 else "permission_denied_error"
    words = "Your account org-123 <ak-456> at http://127.0.0.1 has no balance"
    stack.upstream.fail({"status": status, "type": kind, "message": words, "times": 2})
    answer = post(pair, member.key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")
    assert not [word for word in ("org-123", "ak-456", "127.0.0.1", "balance", "account") if word in answer.text]


@pytest.mark.conformance(148, 149)
def test_a_client_who_leaves_while_the_first_hangs_is_not_answered_by_the_second(
    pair: str, stack: Stack, member: Member
) -> None:
    mine = named()
    stack.upstream.fail({"kind": "silence"})
    headers = {"Authorization": f"Bearer {member.key}", "X-Request-Id": mine}
    asked = {"model": MODEL, "messages": HAIKU, "stream": True}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{pair}/chat/completions", json=asked, headers=headers, timeout=0.5, trust_env=False)
    (call,) = stack.eventually(lambda: ended(stack, mine, 1), within=1)
    assert call.reason == "client_gone"
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("first", 1, "client_gone_early", False, 0)]


@pytest.mark.conformance(74)
def test_the_official_client_raises_what_broke(pair: str, stack: Stack, member: Member) -> None:
    stack.upstream.fail({"kind": "cut", "after": 5, "how": "eof"})
    with (
        OpenAI(base_url=pair, api_key=member.key, timeout=20) as client,
        pytest.raises(APIError) as error,
    ):
        list(client.chat.completions.create(model=MODEL, messages=HAIKU, stream=True))
    assert (error.value.code, error.value.type) == ("upstream_truncated", "upstream_error")


def ended(stack: Stack, request_id: str, count: int) -> list[Call]:
    """Return the upstream's calls of a request once so many of them have ended."""
    calls = [call for call in stack.upstream.calls(request_id) if call.reason]
    return calls if len(calls) == count else []
