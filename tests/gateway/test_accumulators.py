"""Awkward upstreams, and what the official client's own accumulator makes of the stream that we make of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from tests.fakes.clock import skipping
from tests.fakes.upstream import DONE, ROLE, Turn, content, event, finish
from tests.gateway.conftest import make_world

if TYPE_CHECKING:
    from openai.types.chat import ParsedChatCompletion

NAMED = {"id": "f:0", "type": "function", "function": {"name": "f", "arguments": ""}}


def called(*pieces: dict[str, Any], **beside: Any) -> list[bytes]:
    return [event({"tool_calls": [piece], **beside}) for piece in pieces]


def piece(arguments: str, **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | more.pop("function", {})
    return {"index": 0, "function": function} | more


CALLS: dict[str, list[bytes]] = {
    "as it should be": called({"index": 0} | NAMED, piece('{"a":'), piece("1}")),
    "all in one piece": called({"index": 0} | NAMED | {"function": {"name": "f", "arguments": '{"a":1}'}}),
    "a role in every delta": called({"index": 0} | NAMED, piece('{"a":'), piece("1}"), role="assistant", content=""),
    "id and name in every piece": called(
        *(piece(part, id="f:0", type="function", function={"name": "f"}) for part in ("", '{"a":', "1}"))
    ),
    "no type": called({"index": 0, "id": "f:0", "function": {"name": "f"}}, piece('{"a":'), piece("1}")),
    "nulls in later pieces": called(
        {"index": 0} | NAMED, *(piece(part, id=None, type=None, function={"name": None}) for part in ('{"a":', "1}"))
    ),
    "no index": called(NAMED, *({"function": {"arguments": part}} for part in ('{"a":', "1}"))),
    "content null and empty tool_calls around": [
        event({"content": None, "tool_calls": []}),
        *called({"index": 0} | NAMED, piece('{"a":1}'), content=None),
        event({"content": None, "tool_calls": None}),
    ],
}


def accumulated(*steps: bytes) -> ParsedChatCompletion[None]:
    """Stream through the gateway, and put the chunks together as the client's `.stream()` does."""
    options = {"include_usage": True}
    answer = skipping(make_world(Turn([ROLE, *steps, DONE])).chat(stream=True, stream_options=options))
    state = ChatCompletionStreamState()
    for chunk in answer.events()[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    return state.get_final_completion()


@pytest.mark.conformance(94, 95, 96, 97)
@pytest.mark.parametrize("quirk", CALLS)
@pytest.mark.parametrize("reason", ["tool_calls", "stop"])
def test_a_call_is_one_call_whatever_its_pieces_look_like(quirk: str, reason: str) -> None:
    (choice,) = accumulated(*CALLS[quirk], finish(reason)).choices
    (call,) = choice.message.tool_calls or []
    assert (call.id, call.type, call.function.name) == ("f:0", "function", "f")
    assert json.loads(call.function.arguments) == {"a": 1}
    assert (choice.message.role, choice.finish_reason) == ("assistant", "tool_calls")


@pytest.mark.conformance(83, 85, 86)
def test_usage_on_every_chunk_is_accumulated_once() -> None:
    counting = [event({"content": "a"}, usage={"prompt_tokens": 10, "completion_tokens": n}) for n in (1, 2)]
    usage = accumulated(*counting, finish()).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 3, 13)


@pytest.mark.conformance(80)
def test_text_after_the_usage_does_not_lose_it() -> None:
    completion = accumulated(content("a"), finish(), content("b"))
    assert completion.choices[0].message.content == "ab"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 13
