"""An answer in one piece that takes longer than a client would wait in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from openai import APIConnectionError, APITimeoutError, OpenAI

from tests.wire.asking import MODEL, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.stack import Member, Stack

PATIENCE = 2  # seconds of a client that hears nothing; of Node's it is five minutes
QUESTION: Any = [{"role": "user", "content": "Count to 9"}]
SLOW = {"kind": "slow", "tokens_per_second": 8}  # some 5 s in all
RECORD = "SELECT status, outcome, error_code, cost_nanos > 0 FROM billing_requestrecord WHERE request_id = %s"


@pytest.fixture
def lively(stack: Stack) -> Iterator[str]:
    """A server that gives a sign of life after each second of silence."""
    stack.upstream.heal()
    yield stack.served_by("moonshot", "moonshot", PYLO_KEEP_ALIVE_SECONDS="1")
    stack.upstream.heal()


@pytest.mark.conformance(146, 147)
def test_it_outlives_the_patience_of_the_official_client(lively: str, stack: Stack, member: Member) -> None:
    stack.upstream.fail(SLOW)
    with OpenAI(base_url=lively, api_key=member.key, max_retries=0, timeout=PATIENCE) as client:
        answer = client.chat.completions.create(model=MODEL, messages=QUESTION)
    assert answer.choices[0].message.content == "1, 2, 3, 4, 5, 6, 7, 8, 9."
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.conformance(70, 147)
def test_what_keeps_it_alive_is_line_breaks_before_the_document(lively: str, stack: Stack, member: Member) -> None:
    stack.upstream.fail(SLOW)
    headers = {"Authorization": f"Bearer {member.key}"}
    asked = {"model": MODEL, "messages": QUESTION}
    answer = httpx.post(f"{lively}/chat/completions", json=asked, headers=headers, timeout=PATIENCE, trust_env=False)
    space, _, document = answer.content.partition(b"{")
    assert len(space) >= 2
    assert set(space) == {ord("\n")}
    assert document.endswith(b"}")
    assert answer.json()["usage"]["total_tokens"] > 0
    assert (answer.headers["content-type"], answer.headers["transfer-encoding"]) == ("application/json", "chunked")


@pytest.mark.conformance(70, 92, 147)
def test_when_it_breaks_the_connection_is_cut_and_nothing_looks_like_an_answer(
    lively: str, stack: Stack, member: Member
) -> None:
    mine = named()
    stack.upstream.fail({"kind": "stall", "after": 3})
    headers = {"X-Request-Id": mine}
    with (
        OpenAI(base_url=lively, api_key=member.key, max_retries=0, timeout=PATIENCE) as client,
        pytest.raises(APIConnectionError) as error,
    ):
        client.chat.completions.create(model=MODEL, messages=QUESTION, extra_headers=headers)
    assert not isinstance(error.value, APITimeoutError)
    assert not [process.name for process in stack.processes if "BrokenOff" in process.log.read_text()]  # it is no bug
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [(200, "stalled", "upstream_timeout", False)]
