from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.wire.asking import COUNT, HAIKU, MODEL, named

if TYPE_CHECKING:
    from openai import OpenAI

    from tests.fakes.stack import Member, Stack

RECORD = "SELECT outcome, completion_tokens, cost_nanos > 0 FROM billing_requestrecord WHERE request_id = %s"


@pytest.mark.conformance(125, 148, 149)
def test_a_client_who_leaves_a_stream_ends_it_upstream_and_pays_for_what_there_was(
    client: OpenAI, stack: Stack
) -> None:
    mine = named()
    stack.upstream.fail({"kind": "slow", "tokens_per_second": 50})
    with client.chat.completions.create(
        model=MODEL, stream=True, messages=COUNT, extra_headers={"X-Request-Id": mine}
    ) as chunks:
        for _ in range(5):
            next(chunks)
    (call,) = stack.eventually(lambda: [one for one in stack.upstream.calls(mine) if one.reason], within=1)
    assert call.reason == "client_gone"
    rows = stack.eventually(lambda: stack.sql(RECORD, mine))
    ((outcome, tokens, charged),) = rows
    assert (outcome, charged) == ("client_gone", True)
    assert 4 <= tokens <= call.tokens


@pytest.mark.conformance(148, 149)
def test_a_client_who_leaves_an_answer_in_one_piece_ends_it_upstream(stack: Stack, member: Member) -> None:
    mine = named()
    stack.upstream.heal()
    stack.upstream.fail({"kind": "slow", "tokens_per_second": 20})
    headers = {"Authorization": f"Bearer {member.key}", "X-Request-Id": mine}
    asked = {"model": MODEL, "messages": COUNT}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{stack.api_base}/chat/completions", json=asked, headers=headers, timeout=0.5, trust_env=False)
    (call,) = stack.eventually(lambda: [one for one in stack.upstream.calls(mine) if one.reason], within=1)
    assert call.reason == "client_gone"
    assert len(stack.eventually(lambda: stack.sql(RECORD, mine))) == 1


@pytest.mark.conformance(148, 149)
def test_a_client_who_leaves_before_the_first_token_pays_nothing(stack: Stack, member: Member) -> None:
    mine = named()
    stack.upstream.heal()
    stack.upstream.fail({"kind": "silence"})
    headers = {"Authorization": f"Bearer {member.key}", "X-Request-Id": mine}
    asked = {"model": MODEL, "messages": HAIKU, "stream": True}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{stack.api_base}/chat/completions", json=asked, headers=headers, timeout=0.5, trust_env=False)
    (call,) = stack.eventually(lambda: [one for one in stack.upstream.calls(mine) if one.reason], within=1)
    assert call.reason == "client_gone"
    assert stack.eventually(lambda: stack.sql(RECORD, mine)) == [("client_gone_early", 0, False)]
