from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.dialects.dialogue import TOOL, ask

SAMPLING: dict[str, Any] = {
    "temperature": 0,
    "top_p": 0.5,
    "top_k": 20,
    "min_p": 0.1,
    "frequency_penalty": 0.2,
    "presence_penalty": 0.3,
    "repetition_penalty": 1.1,
    "seed": 7,
}


@pytest.mark.conformance(50)
def test_sampling_reaches_it() -> None:
    asked = ask("vllm", **SAMPLING)
    assert {name: asked[name] for name in SAMPLING} == SAMPLING


def test_thinking_is_the_templates_variable_and_said_either_way() -> None:
    assert ask("vllm")["chat_template_kwargs"] == {"thinking": True}
    assert ask("vllm", thinking={"type": "disabled"})["chat_template_kwargs"] == {"thinking": False}
    kept = ask("vllm", thinking={"type": "enabled", "keep": "all"})["chat_template_kwargs"]
    assert kept == {"thinking": True, "preserve_thinking": True}


def test_nothing_is_sent_that_only_the_client_or_another_upstream_knows() -> None:
    body: dict[str, Any] = {
        "user": "u",
        "prompt_cache_key": "k",
        "metadata": {"a": "b"},
        "store": True,
        "reasoning_effort": "high",
    }
    usual = {"model", "messages", "stream", "stream_options", "chat_template_kwargs", "cache_salt"}
    assert set(ask("vllm", **body, max_tokens=5)) == usual | {"max_completion_tokens"}


def test_parallel_calls_are_forbidden_only_where_there_are_tools() -> None:
    assert ask("vllm", tools=[TOOL], parallel_tool_calls=False)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in ask("vllm", parallel_tool_calls=False)


def test_the_prefix_cache_is_salted_for_each_tenant() -> None:
    one, other = (ask("vllm", tenant=tenant)["cache_salt"] for tenant in ("one", "other"))
    assert one == ask("vllm", tenant="one")["cache_salt"]
    assert one != other
    assert len(one) == 64
