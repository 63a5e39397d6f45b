"""Reasoning: shown, hidden or switched off, whichever dialect the upstream speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.asking import MODEL, OPTIONS, chunks, named, post

if TYPE_CHECKING:
    from openai import OpenAI

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
    base: str, stack: Stack, member: Member, switch: dict[str, Any]
) -> None:
    mine = named()
    shown = post(base, member.key, stream=True)
    hidden = post(base, member.key, stream=True, stream_options=OPTIONS, named=mine, **switch)
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
def test_an_answer_with_its_reasoning_can_be_sent_back(anywhere: OpenAI) -> None:
    question: Any = [{"role": "user", "content": "Hello"}]
    message = anywhere.chat.completions.create(model=MODEL, messages=question).choices[0].message
    said = message.model_dump(exclude_none=True)
    assert said["reasoning_content"]
    history: Any = [*question, said, *question]
    again = anywhere.chat.completions.create(model=MODEL, messages=history)
    assert again.choices[0].finish_reason == "stop"
