from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.chat import parse
from sandbox.refusals import Refusal
from sandbox.wires import WIRES, wire_at

if TYPE_CHECKING:
    from tests.fakes.sandbox import Upstream

HAIKU: Any = [{"role": "user", "content": "Write a haiku about routing tables."}]
WEATHER: Any = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
OPTIONS = {"include_usage": True}


def post(upstream: Upstream, path: str, **values: Any) -> httpx.Response:
    asked = {"model": "kimi-k2.6", "messages": HAIKU, **values}
    headers = {"Authorization": "Bearer any"} | values.pop("headers", {})
    return httpx.post(f"{upstream.url}{path}/chat/completions", json=asked, headers=headers, trust_env=False)


def chunks(upstream: Upstream, path: str, **values: Any) -> list[dict[str, Any]]:
    answer = post(upstream, path, stream=True, stream_options=OPTIONS, **values)
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n")]
    assert lines[-2:] == ["[DONE]", ""]
    return [json.loads(line) for line in lines[:-2]]


def deltas(of: list[dict[str, Any]], field: str) -> str:
    return "".join(choice["delta"].get(field) or "" for chunk in of for choice in chunk["choices"])


def test_every_dialect_has_its_path_and_v1_alone_is_moonshots() -> None:
    assert {name: wire_at(f"/{name}/v1/models") for name in WIRES} == {
        name: (wire, "/v1/models") for name, wire in WIRES.items()
    }
    assert wire_at("/v1/models") == (WIRES["moonshot"], "/v1/models")
    assert wire_at("/other/v1/models")[0] is None


@pytest.mark.parametrize(
    ("name", "field", "finish"),
    [
        ("moonshot", "reasoning_content", "stop"),
        ("vllm", "reasoning", "stop"),
        ("sglang", "reasoning_content", "stop"),
        ("together", "reasoning", "eos"),
    ],
)
def test_reasoning_and_the_finish_have_the_dialects_names(
    upstream: Upstream, name: str, field: str, finish: str
) -> None:
    got = chunks(upstream, f"/{name}/v1")
    assert deltas(got, field)
    assert len(deltas(got, "content").splitlines()) == 3
    assert [choice["finish_reason"] for chunk in got for choice in chunk["choices"]][-1] == finish


def test_openai_counts_reasoning_and_does_not_tell_it(upstream: Upstream) -> None:
    got = chunks(upstream, "/openai/v1")
    assert deltas(got, "reasoning") == deltas(got, "reasoning_content") == ""
    assert got[-1]["choices"] == []
    assert got[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert upstream.calls()[-1].tokens == got[-1]["usage"]["completion_tokens"]


@pytest.mark.parametrize("name", list(WIRES))
def test_usage_is_the_truth_in_every_dialect(upstream: Upstream, name: str) -> None:
    got = chunks(upstream, f"/{name}/v1")
    (usage,) = [chunk["usage"] for chunk in got if chunk.get("usage")]
    call = upstream.calls()[-1]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (call.prompt_tokens, call.tokens)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("moonshot", {"error": {"type": "invalid_request_error", "message": "invalid max_tokens"}}),
        ("vllm", {"error": {"message": "", "type": "BadRequestError", "param": None, "code": 400}}),
        ("sglang", {"object": "error", "message": "", "type": "BadRequestError", "param": None, "code": 400}),
        (
            "together",
            {"error": {"message": "", "type": "invalid_request_error", "param": None, "code": "invalid_request"}},
        ),
        ("openai", {"error": {"message": "", "type": "invalid_request_error", "param": None, "code": None}}),
    ],
)
def test_each_spells_its_refusals(upstream: Upstream, name: str, error: dict[str, Any]) -> None:
    answer = post(upstream, f"/{name}/v1", max_tokens=0)
    assert answer.status_code == 400
    body = answer.json()
    about = body.get("error", body)
    assert body.keys() == error.keys()
    assert {**about, "message": ""} == {**error.get("error", error), "message": ""}


@pytest.mark.parametrize(("name", "flat"), [("vllm", False), ("sglang", True)])
def test_an_error_amid_a_stream_is_followed_by_done(upstream: Upstream, name: str, *, flat: bool) -> None:
    upstream.fail({"kind": "error", "after": 1, "status": 500})
    *_, error, done, _ = post(upstream, f"/{name}/v1", stream=True).text.split("\n\n")
    assert done == "data: [DONE]"
    body = json.loads(error.removeprefix("data: "))
    assert body["object"] == "error" if flat else body["error"]["code"] == 500
    assert (body if flat else body["error"])["type"] == "InternalServerError"


def test_a_named_tool_ends_as_stop_at_vllm(upstream: Upstream) -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    got = chunks(upstream, "/vllm/v1", tools=[WEATHER], tool_choice=choice)
    assert [choice["finish_reason"] for chunk in got for choice in chunk["choices"]][-1] == "stop"
    assert any(choice["delta"].get("tool_calls") for chunk in got for choice in chunk["choices"])


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"top_k": 1}, "top_k"),
        ({"chat_template_kwargs": {}}, "chat_template_kwargs"),
        ({"messages": [{"role": "user", "content": "a", "reasoning": "r"}]}, "messages[0].reasoning"),
    ],
)
def test_openai_refuses_what_it_does_not_name(values: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as raised:
        parse(json.dumps({"model": "m", "messages": HAIKU, **values}).encode(), "m", WIRES["openai"])
    assert (raised.value.status, raised.value.param, raised.value.code) == (400, param, "unsupported_parameter")


@pytest.mark.parametrize(
    ("name", "field", "read"),
    [
        ("vllm", "reasoning", True),
        ("vllm", "reasoning_content", False),
        ("sglang", "reasoning_content", True),
        ("sglang", "reasoning", False),
        ("together", "reasoning", True),
        ("moonshot", "reasoning_content", True),
    ],
)
def test_earlier_reasoning_is_read_under_one_name_only(name: str, field: str, *, read: bool) -> None:
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", field: "thought"}]
    chat = parse(json.dumps({"model": "m", "messages": history}).encode(), "m", WIRES[name])
    assert ("thought" in chat.words) is read


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("moonshot", {"thinking": {"type": "disabled"}}),
        ("vllm", {"chat_template_kwargs": {"thinking": False}}),
        ("sglang", {"chat_template_kwargs": {"thinking": False}}),
        ("together", {"reasoning": {"enabled": False}}),
        ("openai", {"reasoning_effort": "none"}),
    ],
)
def test_each_has_its_own_switch_for_thinking(name: str, off: dict[str, Any]) -> None:
    asked = {"model": "m", "messages": HAIKU}
    assert parse(json.dumps(asked).encode(), "m", WIRES[name]).thinking
    assert not parse(json.dumps(asked | off).encode(), "m", WIRES[name]).thinking
