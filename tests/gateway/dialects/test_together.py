from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.dialects.dialogue import ask, certain, read, reader
from tests.gateway.dialects.test_vllm import SAMPLING


@pytest.mark.conformance(50)
def test_sampling_reaches_it_and_the_limit_has_its_older_name() -> None:
    asked = ask("together", **SAMPLING, max_completion_tokens=9)
    assert {name: asked[name] for name in SAMPLING} == SAMPLING
    assert asked["max_tokens"] == 9
    assert "max_completion_tokens" not in asked


def test_reasoning_is_switched_either_way() -> None:
    assert ask("together")["reasoning"] == {"enabled": True}
    assert ask("together", reasoning_effort="none")["reasoning"] == {"enabled": False}


def test_eos_is_its_word_for_stop_and_no_others() -> None:
    assert certain(read(reader("together"), {}, finish_reason="eos")).finish_reason == "stop"
    of = reader("together")
    read(of, {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]})
    assert certain(read(of, {}, finish_reason="eos")).finish_reason == "tool_calls"


def test_nothing_is_sent_that_it_does_not_name() -> None:
    body: dict[str, Any] = {"user": "u", "prompt_cache_key": "k", "metadata": {"a": "b"}, "parallel_tool_calls": True}
    assert set(ask("together", **body)) == {"model", "messages", "stream", "stream_options", "reasoning"}
