from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from openai import APIConnectionError, APIError, APIStatusError, OpenAI, RateLimitError

from tests.fakes.stack import CALM, FIRST_TOKEN_SECONDS, IDLE_SECONDS
from tests.wire.asking import HAIKU, MODEL, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionChunk

    from tests.fakes.stack import Member, Stack

RECORD = """
SELECT outcome, usage_source, cost_nanos, completion_tokens FROM billing_requestrecord WHERE request_id = %s
"""


@pytest.fixture
def once(stack: Stack, member: Member) -> Iterator[OpenAI]:
    """A client that does not try again."""
    stack.upstream.heal()
    with OpenAI(base_url=stack.api_base, api_key=member.key, max_retries=0, timeout=20) as client:
        yield client
    stack.upstream.heal()


def stream(client: OpenAI, mine: str) -> Iterator[ChatCompletionChunk]:
    headers = {"X-Request-Id": mine}
    yield from client.chat.completions.create(model=MODEL, messages=HAIKU, stream=True, extra_headers=headers)


@pytest.mark.conformance(78, 79, 123, 152)
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "retry_after": 1},
        {"status": 401},
        {"status": 404},
        {"kind": "role_then_error"},
        {"kind": "error_first"},
        {"kind": "flat_error"},
        {"kind": "empty"},
        {"kind": "only_done"},
        {"kind": "html"},
        {"kind": "json"},
        {"kind": "redirect"},
        {"kind": "garbage"},
        {"kind": "cut", "after": 0},
    ],
    ids=lambda fault: str(fault.get("kind", fault.get("status"))),
)
def test_what_breaks_before_the_first_token_is_a_status_and_free(
    once: OpenAI, stack: Stack, fault: dict[str, Any]
) -> None:
    mine = named()
    stack.upstream.fail(fault)
    with pytest.raises(APIStatusError) as error:
        list(stream(once, mine))
    assert error.value.status_code in {502, 503}
    assert error.value.response.headers["x-request-id"] == mine
    assert [row[2:] for row in stack.eventually(lambda: stack.sql(RECORD, mine))] == [(0, 0)]


@pytest.mark.conformance(136)
def test_an_upstream_that_asks_to_slow_down_is_told_with_how_long_to_wait(stack: Stack, member: Member) -> None:
    mine = named()
    stack.upstream.heal()
    heeding = stack.served_by("moonshot", PYLO_BREAKER=CALM)
    stack.upstream.fail({"status": 429, "retry_after": 4})
    with OpenAI(base_url=heeding, api_key=member.key, max_retries=0) as once, pytest.raises(RateLimitError) as error:
        list(stream(once, mine))
    assert (error.value.code, error.value.type) == ("capacity_exhausted", "rate_limit_error")
    assert error.value.response.headers["retry-after"] in {"4", "5"}
    assert error.value.response.headers["x-should-retry"] == "true"
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("shed", "none", 0, 0)]


@pytest.mark.conformance(127)
def test_the_client_tries_again_after_a_500_and_pays_for_one_answer(client: OpenAI, stack: Stack) -> None:
    mine = named()
    stack.upstream.fail({"status": 500})
    assert list(stream(client, mine))[-1].choices[0].finish_reason == "stop"
    rows = stack.eventually(lambda: [] if len(found := stack.sql(RECORD, mine)) < 2 else found)
    assert sorted(row[0] for row in rows) == ["completed", "upstream_error"]
    assert [row[2] > 0 for row in sorted(rows)] == [True, False]


@pytest.mark.conformance(90, 123, 150)
@pytest.mark.parametrize("kind", ["hang", "silence", "comments"])
def test_no_token_in_time_is_a_504_at_the_deadline_and_free(once: OpenAI, stack: Stack, kind: str) -> None:
    mine = named()
    stack.upstream.fail({"kind": kind})
    began = time.monotonic()
    with pytest.raises(APIStatusError) as error:
        list(stream(once, mine))
    assert FIRST_TOKEN_SECONDS <= time.monotonic() - began < FIRST_TOKEN_SECONDS + 5
    assert (error.value.status_code, error.value.code) == (504, "upstream_timeout")
    assert stack.eventually(lambda: [call.reason for call in stack.upstream.calls(mine) if call.reason]) == [
        "client_gone"
    ]
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("upstream_timeout", "none", 0, 0)]


@pytest.mark.conformance(74, 90, 150)
def test_a_stall_is_an_error_in_the_stream_at_its_deadline_and_free(once: OpenAI, stack: Stack) -> None:
    mine = named()
    stack.upstream.fail({"kind": "stall", "after": 8})
    began = time.monotonic()
    with pytest.raises(APIError) as error:
        list(stream(once, mine))
    assert IDLE_SECONDS <= time.monotonic() - began < IDLE_SECONDS + 5
    assert not isinstance(error.value, APIStatusError | APIConnectionError)
    assert error.value.code == "upstream_timeout"
    assert stack.eventually(lambda: [call.reason for call in stack.upstream.calls(mine) if call.reason]) == [
        "client_gone"
    ]
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("stalled", "counted", 0, 8)]


@pytest.mark.conformance(74, 76, 77, 124)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "after": 8, "how": "reset"},
        {"kind": "cut", "after": 8, "how": "close"},
        {"kind": "cut", "after": 8, "how": "eof"},
        {"kind": "error", "after": 8},
        {"kind": "no_finish"},
    ],
    ids=lambda fault: str(fault.get("how", fault["kind"])),
)
def test_what_breaks_after_it_is_an_error_in_the_stream_and_free(
    once: OpenAI, stack: Stack, fault: dict[str, Any]
) -> None:
    mine = named()
    stack.upstream.fail(fault)
    got: list[ChatCompletionChunk] = []
    with pytest.raises(APIError) as error:
        got.extend(stream(once, mine))
    assert not isinstance(error.value, APIStatusError | APIConnectionError)
    assert error.value.code
    ((outcome, _, cost, tokens),) = stack.eventually(lambda: stack.sql(RECORD, mine))
    assert (outcome, cost) == ("upstream_cut", 0)
    assert tokens >= 8


@pytest.mark.conformance(87)
@pytest.mark.parametrize("fault", [{"kind": "spelling", "space": False}, {"kind": "spelling", "crlf": True}])
def test_another_spelling_of_events_is_read_all_the_same(once: OpenAI, stack: Stack, fault: dict[str, Any]) -> None:
    stack.upstream.fail(fault)
    chunks = list(stream(once, named()))
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.conformance(122)
def test_an_answer_without_usage_is_counted_and_never_free(once: OpenAI, stack: Stack) -> None:
    mine = named()
    stack.upstream.fail({"kind": "no_usage"})
    list(stream(once, mine))
    (call,) = stack.upstream.calls(mine)
    ((outcome, source, cost, tokens),) = stack.eventually(lambda: stack.sql(RECORD, mine))
    assert (outcome, source, tokens) == ("completed", "counted", call.tokens)
    assert cost >= tokens * 3_900
