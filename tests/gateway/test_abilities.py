from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.abilities import TAKEN, sampling
from gateway.dialects import DIALECTS
from tests.gateway.requests import accepted

VALUES: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "seed": 5,
    "top_k": 5,
    "min_p": 0.5,
    "repetition_penalty": 1.5,
    "stop": ["end"],
    "max_tokens": 77,
}


def spelled(dialect: str) -> set[str]:
    """Return the parameters that reach an upstream of the dialect with their value."""
    ask = json.loads(DIALECTS[dialect].exchange(accepted(**VALUES), "m", "tenant").body)
    ask["max_tokens"] = ask.get("max_completion_tokens", ask.get("max_tokens"))
    return {name for name, value in VALUES.items() if ask.get(name) == value}


@pytest.mark.conformance(38)
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_dialect_is_said_to_take_what_it_is_sent(dialect: str) -> None:
    assert spelled(dialect) == TAKEN[dialect]


@pytest.mark.conformance(38)
def test_only_what_holds_on_every_upstream_is_promised() -> None:
    assert sampling(["vllm", "moonshot"]) == ("max_tokens", "stop")
    assert sampling(["vllm", "openai"]) == (
        *("frequency_penalty", "max_tokens", "presence_penalty", "seed", "stop", "temperature", "top_p"),
    )
    assert sampling([]) == ("max_tokens", "stop")
