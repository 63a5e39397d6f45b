from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deltas import Delta, ToolFragment
from gateway.faults import FaultKind, UpstreamFault
from tests.gateway.dialects.dialogue import calls_of, read, reader

WEATHER = {"type": "function", "function": {"name": "get_weather"}}
TIME = {"type": "function", "function": {"name": "get_time"}}
CALL = {"id": "earlier", "function": {"name": "get_time", "arguments": "{}"}}


def heard(*chunks: list[dict[str, Any]], **body: Any) -> list[tuple[str, str, str]]:
    """Return the calls a client puts together from these chunks' pieces and a finish."""
    of = reader("vllm", tools=[WEATHER, TIME], **body)
    deltas = [read(of, {"tool_calls": chunk}) for chunk in chunks]
    return calls_of([*deltas, read(of, {}, finish_reason="tool_calls")])


def piece(index: int | None = 0, identity: str | None = None, **function: Any) -> dict[str, Any]:
    return {"index": index, "id": identity, "type": "function", "function": function}


@pytest.mark.conformance(94)
def test_a_call_is_named_once_whatever_the_upstream_repeats() -> None:
    of = reader("vllm", tools=[WEATHER])
    again = piece(0, "id1", name="get_weather", arguments="{")
    first, second = read(of, {"tool_calls": [again]}), read(of, {"tool_calls": [again]})
    assert first == Delta(tools=(ToolFragment(0, "id1", "get_weather", "{"),))
    assert second == Delta(tools=(ToolFragment(0, None, None, "{"),))


@pytest.mark.conformance(94)
def test_a_name_on_offer_opens_its_call_at_once() -> None:
    of = reader("vllm", tools=[WEATHER])
    assert read(of, {"tool_calls": [piece(0, "id1", name="get_weather")]}) == Delta(
        tools=(ToolFragment(0, "id1", "get_weather", ""),)
    )


@pytest.mark.parametrize(
    "chunks",
    [
        [[piece(0, "a", name="get_weather", arguments="")], [piece(0, arguments='{"c":')], [piece(0, arguments="1}")]],
        [[piece(0, "a", name="get_weather", arguments='{"c":1}')]],
        [[piece(None, "a", name="get_weather")], [piece(None, arguments='{"c":1}')]],
        [[piece(None, "a", name="get_weather", arguments='{"c":')], [piece(None, "a", arguments="1}")]],
        [[piece(0, "a", name="get_")], [piece(0, "a", name="weather")], [piece(0, arguments='{"c":1}')]],
        [[piece(0, "a", name="get_")], [piece(0, "a", name="get_weather")], [piece(0, arguments='{"c":1}')]],
        [[piece(0, "a", name="get_weather")], [piece(0, "a", name="get_weather", arguments='{"c":1}')]],
        [[piece(0, "a", name="get_weather", arguments={"c": 1})]],
        [[piece(3, "a", name="get_weather", arguments=None)], [piece(3, name=None, arguments='{"c":1}')]],
        [[{"id": "a", "function": {"name": "get_weather"}}], [{"function": {"arguments": '{"c":1}'}}], [{}]],
    ],
)
def test_one_call_is_one_call_however_it_comes(chunks: list[list[dict[str, Any]]]) -> None:
    ((identity, name, arguments),) = heard(*chunks)
    assert (identity, name, json.loads(arguments)) == ("a", "get_weather", {"c": 1})


@pytest.mark.conformance(97)
@pytest.mark.parametrize(
    "chunks",
    [
        [[piece(0, "a", name="get_weather", arguments="{}"), piece(1, "b", name="get_time", arguments="{}")]],
        [[piece(0, "a", name="get_weather", arguments="{}")], [piece(0, "b", name="get_time", arguments="{}")]],
        [[piece(None, "a", name="get_weather", arguments="{}"), piece(None, "b", name="get_time", arguments="{}")]],
        [[piece(1, "a", name="get_weather", arguments="{}")], [piece(2, "b", name="get_time", arguments="{}")]],
        [
            [piece(0, "a", name="get_weather"), piece(1, "b", name="get_time")],
            [piece(1, arguments="{")],
            [piece(0, arguments="{"), piece(1, arguments="}")],
            [piece(0, arguments="}")],
        ],
    ],
)
def test_two_calls_keep_their_order_and_their_ids(chunks: list[list[dict[str, Any]]]) -> None:
    assert heard(*chunks) == [("a", "get_weather", "{}"), ("b", "get_time", "{}")]


@pytest.mark.conformance(97)
def test_ids_that_are_missing_or_said_twice_are_made_and_count_on_from_the_history() -> None:
    history = [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "earlier", "content": "1"}]
    pieces = [piece(index, identity, name="get_time", arguments="{}") for index, identity in enumerate(("", "x", "x"))]
    assert [identity for identity, _, _ in heard(pieces, messages=history)] == [
        "functions.get_time:1",
        "x",
        "functions.get_time:3",
    ]


def test_two_whole_calls_with_neither_index_nor_id_are_two() -> None:
    calls = heard([piece(None, name="get_time", arguments='{"a":1}')], [piece(None, name="get_time", arguments="{}")])
    assert [arguments for _, _, arguments in calls] == ['{"a":1}', "{}"]


def test_a_name_nobody_offered_is_told_when_its_arguments_begin_or_at_the_end() -> None:
    assert heard([piece(0, "a", name="inven")], [piece(0, name="ted")]) == [("a", "invented", "")]


def test_a_call_without_a_name_is_a_fault() -> None:
    with pytest.raises(UpstreamFault) as caught:
        heard([piece(0, "a", arguments="{}")])
    assert caught.value.kind is FaultKind.MALFORMED


@given(st.data(), st.integers(1, 4))
def test_any_cut_of_the_arguments_gives_the_same_calls(data: st.DataObject, count: int) -> None:
    whole = [json.dumps({"n": n, "text": data.draw(st.text(max_size=8))}) for n in range(count)]
    chunks = []
    for index, arguments in enumerate(whole):
        chunks.append([piece(index, f"id{index}", name="get_time")])
        while arguments:
            size = data.draw(st.integers(1, len(arguments)))
            chunks.append([piece(index, arguments=arguments[:size])])
            arguments = arguments[size:]  # noqa: PLW2901 - what is left of it
    assert heard(*chunks) == [(f"id{index}", "get_time", arguments) for index, arguments in enumerate(whole)]
