"""A conversation whose turns are answered by different upstreams: what one said is history that the next one takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects import DIALECTS
from sandbox.wires import WIRES
from tests.gateway.dialects.dialogue import NAMES, OF_KIMI, REASONING_FIELD, ask, calls_of, read, reader

TOOLS = [{"type": "function", "function": {"name": name}} for name in ("f", "get_time", "7up")]
TURNS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.lists(st.sampled_from(["f", "get_time", "7up"]), min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)


def id_of(dialect: str, name: str, turn: int, index: int) -> str:
    """Return an id as that upstream makes them: some start again from 0 in each turn, and some are random."""
    return {
        "moonshot": f"functions.{name}:{turn * 10 + index}",
        "vllm": f"functions.{name}:{index}",
        "sglang": f"call_{index}",
        "together": f"call_{turn}{index}x",
    }.get(dialect, f"call_{turn}_{index}")


def answered(dialect: str, messages: list[dict[str, Any]], names: list[str], turn: int) -> dict[str, Any]:
    """Let an upstream call tools, and return the message its client keeps."""
    body = {"messages": messages, "tools": TOOLS}
    sent = dict(zip(("f", "get_time", "7up"), _sent_names(dialect, body), strict=True))
    of = reader(dialect, **body)
    deltas = [read(of, {REASONING_FIELD.get(dialect, "reasoning"): f"thought {turn}"})]
    for index, name in enumerate(names):
        function = {"name": sent[name], "arguments": json.dumps({"turn": turn})}
        piece = {"index": index, "id": id_of(dialect, sent[name], turn, index), "function": function}
        deltas.append(read(of, {"tool_calls": [piece]}))
    deltas.append(read(of, {}, finish_reason="tool_calls"))
    calls = [
        {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}
        for identity, name, arguments in calls_of(deltas)
    ]
    return {"role": "assistant", "content": None, "reasoning_content": f"thought {turn}", "tool_calls": calls}


def _sent_names(dialect: str, body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in ask(dialect, **body)["tools"]]


@pytest.mark.conformance(102, 103, 153)
@given(TURNS, st.sampled_from(NAMES), st.booleans())
def test_any_upstream_goes_on_with_what_others_began(
    turns: list[tuple[str, list[str]]],
    last: str,
    backwards: bool,  # noqa: FBT001 - drawn
) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    expected: list[str] = []
    for turn, (dialect, names) in enumerate(turns):
        message = answered(dialect, messages, names, turn)
        assert [call["function"]["name"] for call in message["tool_calls"]] == names
        ids = [call["id"] for call in message["tool_calls"]]
        assert len(set(ids)) == len(ids)
        results = [
            {"role": "tool", "tool_call_id": identity, "content": f"{turn}.{n}"} for n, identity in enumerate(ids)
        ]
        messages += [message, *(reversed(results) if backwards else results)]
        expected += names
    asked = ask(last, messages=messages, tools=TOOLS)
    sent = dict(zip(("f", "get_time", "7up"), (tool["function"]["name"] for tool in asked["tools"]), strict=True))
    calls = [call for message in asked["messages"] for call in message.get("tool_calls", ())]
    assert [call["function"]["name"] for call in calls] == [sent[name] for name in expected]
    if last in OF_KIMI:
        assert [call["id"] for call in calls] == [f"functions.{sent[name]}:{n}" for n, name in enumerate(expected)]
    _check_turns(asked["messages"], REASONING_FIELD.get(last))
    WIRES[last].check(asked)


def _check_turns(messages: list[dict[str, Any]], field: str | None) -> None:
    """Each result answers, by its id, the call of its turn that it was the result of."""
    turn, waiting = -1, {}
    for message in messages[1:]:
        if message["role"] == "assistant":
            turn += 1
            waiting = {call["id"]: n for n, call in enumerate(message["tool_calls"])}
            assert message.get(field) == f"thought {turn}" if field else "reasoning" not in message
        else:
            assert message["content"] == f"{turn}.{waiting.pop(message['tool_call_id'])}"


def test_every_dialect_takes_part() -> None:
    assert set(NAMES) == set(DIALECTS) == {"moonshot", "vllm", "sglang", "together", "openai"}
