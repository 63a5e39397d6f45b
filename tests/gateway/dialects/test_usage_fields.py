from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.usage import Tokens
from tests.gateway.dialects.dialogue import reader


def told(usage: dict[str, Any]) -> Tokens | None:
    chunk = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}
    delta = reader("vllm").read(b"message", json.dumps(chunk).encode())
    assert delta is not None
    return delta.usage


@pytest.mark.conformance(120)
@pytest.mark.parametrize(
    "where",
    [
        {"cached_tokens": 4, "reasoning_tokens": 2},
        {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}},
        {"cached_tokens": 4, "prompt_tokens_details": {"cached_tokens": 4}, "reasoning_tokens": 2},
        {"cached_tokens": 4, "prompt_tokens_details": None, "reasoning_tokens": 2, "completion_tokens_details": None},
    ],
)
def test_details_are_found_beside_the_counts_and_below_them(where: dict[str, Any]) -> None:
    assert told({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15} | where) == Tokens(10, 4, 5, 2)


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize("count", [None, -1, 262_145, 10**30])
def test_usage_that_no_request_can_have_is_none(name: str, count: int | None) -> None:
    assert told({"prompt_tokens": 1, "completion_tokens": 1, name: count}) is None


@pytest.mark.parametrize("usage", ["many", [], 3, {"prompt_tokens": "7"}, {"completion_tokens": 1e18}])
@pytest.mark.parametrize("inside", [True, False])
def test_a_usage_that_is_none_costs_no_word_of_its_chunk(usage: Any, *, inside: bool) -> None:
    choice = {"index": 0, "delta": {"content": "word"}, "finish_reason": "stop"}
    chunk = {"choices": [choice | {"usage": usage}]} if inside else {"choices": [choice], "usage": usage}
    delta = reader("vllm").read(b"", json.dumps(chunk).encode())
    assert delta is not None
    assert (delta.content, delta.finish_reason, delta.usage) == ("word", "stop", None)


def test_usage_without_counts_tells_nothing() -> None:
    assert told({}) is None


@pytest.mark.conformance(119)
@given(st.integers(0, 50), st.integers(0, 50), st.integers(-5, 90), st.integers(-5, 90))
def test_whatever_usage_says_the_parts_fit_the_whole(prompt: int, completion: int, cached: int, reasoning: int) -> None:
    tokens = told(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
    )
    assert tokens is not None
    assert 0 <= tokens.cached <= tokens.prompt == prompt
    assert 0 <= tokens.reasoning <= tokens.completion == completion
