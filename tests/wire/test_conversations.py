"""One conversation whose turns are served by upstreams of different dialects."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI

from tests.wire.asking import DIALECTS, MODEL, WEATHER, named
from tests.wire.conftest import served

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

PAIRS = tuple(zip(DIALECTS[::2], (*DIALECTS[1::2], DIALECTS[0]), strict=True))
QUESTION: Any = [{"role": "user", "content": "How is the weather?"}]


@pytest.mark.conformance(101, 102, 103, 153)
@pytest.mark.parametrize("reasoning", [True, False])
def test_each_turn_may_be_served_by_another_upstream(stack: Stack, member: Member, *, reasoning: bool) -> None:
    bases = [served(stack, dialect) for dialect in DIALECTS]
    history: list[Any] = []
    with ExitStack() as opened:
        clients = [opened.enter_context(OpenAI(base_url=base, api_key=member.key, timeout=20)) for base in bases]
        for client in [*clients, clients[0]]:
            history += QUESTION
            message = client.chat.completions.create(model=MODEL, messages=history, tools=[WEATHER]).choices[0].message
            (call,) = message.tool_calls or []
            said = message.model_dump(exclude_none=True)
            if not reasoning:
                said.pop("reasoning_content", None)
            history += [said, {"role": "tool", "tool_call_id": call.id, "content": "Fine."}]
    ids = [message["tool_call_id"] for message in history if message["role"] == "tool"]
    assert len(set(ids)) == len(DIALECTS) + 1


@pytest.mark.conformance(103, 153)
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_failover_amid_a_conversation_changes_the_dialect_unseen(
    stack: Stack, member: Member, first: str, second: str
) -> None:
    mine = named()
    stack.upstream.heal()
    with OpenAI(base_url=stack.served_by(first, second), api_key=member.key, max_retries=0, timeout=20) as client:
        message = client.chat.completions.create(model=MODEL, messages=QUESTION, tools=[WEATHER]).choices[0].message
        (call,) = message.tool_calls or []
        said: Any = message.model_dump(exclude_none=True)
        answered: Any = {"role": "tool", "tool_call_id": call.id, "content": "Fine."}
        stack.upstream.fail({"status": 503})
        final = client.chat.completions.create(
            model=MODEL,
            messages=[*QUESTION, said, answered],
            tools=[WEATHER],
            extra_headers={"X-Request-Id": mine},
        )
    assert "tool has answered" in (final.choices[0].message.content or "")
    assert [call.reason for call in stack.upstream.calls(mine)][-1] == "finish"
    assert len(stack.upstream.calls(mine)) == 2
