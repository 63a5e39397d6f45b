"""Reasoning: shown, hidden or switched off, whichever dialect the upstream speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.asking import OPTIONS, chunks, named, post

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

OFF: list[dict[str, Any]] = [
    {"thinking": {"type": "disabled"}},
    {"reasoning_effort": "none"},
    {"reasoning": {"enabled": False}},
    {"chat_template_kwargs": {"thinking": False}},
]
HIDDEN: list[dict[str, Any]] = [{"reasoning": {"exclude": True}}, {"include_reasoning": False}]


@pytest.mark.conformance(107, 151)
@pytest.mark.parametrize("switch", OFF)
def test_each_switch_turns_it_off(base: str, member: Member, switch: dict[str, Any]) -> None:
    body = post(base, member.key, **switch).json()
    assert "reasoning_content" not in body["choices"][0]["message"]
    assert body["choices"][0]["message"]["content"]
    assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


@pytest.mark.conformance(109, 151)
@pytest.mark.parametrize("switch", HIDDEN)
def test_hidden_it_is_in_no_answer_but_counted_and_paid(
    aloud: str, stack: Stack, member: Member, switch: dict[str, Any]
) -> None:
    mine = named()
    shown = post(aloud, member.key, stream=True)
    hidden = post(aloud, member.key, stream=True, stream_options=OPTIONS, named=mine, **switch)
    assert b"reasoning_content" in shown.content
    assert b"reasoning_content" not in hidden.content
    usage = chunks(hidden.content)[-1]["usage"]
    (call,) = stack.upstream.calls(mine)
    assert usage["completion_tokens_details"] == {"reasoning_tokens": call.reasoning_tokens}
    assert usage["completion_tokens"] == call.tokens > call.reasoning_tokens > 0
    query = "SELECT completion_tokens, reasoning_tokens FROM billing_requestrecord WHERE request_id = %s"
    assert stack.eventually(lambda: stack.sql(query, mine)) == [(call.tokens, call.reasoning_tokens)]


@pytest.mark.conformance(108)
@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high"])
def test_every_effort_is_accepted(base: str, member: Member, effort: str) -> None:
    assert post(base, member.key, reasoning_effort=effort).status_code == 200


@pytest.mark.conformance(102, 103, 153)
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_an_answer_with_its_reasoning_can_be_sent_back(base: str, member: Member, field: str) -> None:
    question: Any = [{"role": "user", "content": "Hello"}]
    message = post(base, member.key, messages=question).json()["choices"][0]["message"]
    said = {"role": "assistant", "content": message["content"], field: message.get("reasoning_content", "Hm.")}
    again = post(base, member.key, messages=[*question, said, *question])
    assert (again.status_code, again.json()["choices"][0]["finish_reason"]) == (200, "stop")
