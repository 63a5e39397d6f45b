from __future__ import annotations

import json

import pytest

from gateway.usage import Tokens
from tests.gateway.dialects.dialogue import ask, certain, reader
from tests.gateway.dialects.test_vllm import SAMPLING


@pytest.mark.conformance(50)
def test_it_is_asked_as_vllm_is_but_for_the_field_of_reasoning() -> None:
    history = [{"role": "assistant", "content": "a", "reasoning_content": "r"}, {"role": "user", "content": "b"}]
    sglang, vllm = (ask(dialect, messages=history, **SAMPLING) for dialect in ("sglang", "vllm"))
    assert sglang.pop("messages")[0] == {"role": "assistant", "content": "a", "reasoning_content": "r"}
    assert vllm.pop("messages")[0] == {"role": "assistant", "content": "a", "reasoning": "r"}
    assert sglang == vllm


@pytest.mark.conformance(120)
def test_reasoning_tokens_beside_the_other_counts_are_counted() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "reasoning_tokens": 3, "prompt_tokens_details": None}
    delta = certain(reader("sglang").read(b"message", json.dumps({"choices": [], "usage": usage}).encode()))
    assert delta.usage == Tokens(prompt=9, completion=5, reasoning=3)
