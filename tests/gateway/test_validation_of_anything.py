"""Whatever comes as a body is read or refused as the client's fault: nothing else is ever raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.schema import Chat
from gateway.validation import parse
from tests.gateway.requests import ANSWERED, CALLED, HI, body

PARAMETERS = sorted(Chat.__struct_fields__)
WORDS = st.sampled_from(
    ["", "text", "function", "auto", "required", "none", "user", "assistant", "tool", "call_1", "é"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(WORDS, scalars, max_size=2)
parts = st.fixed_dictionaries({}, optional=dict.fromkeys(["type", "text", "refusal", "image_url"], scalars))
messages = st.fixed_dictionaries({}, optional={**dict.fromkeys(CALLED | ANSWERED, values), "content": st.lists(parts)})
quick = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def refusal(data: bytes) -> InvalidRequest | None:
    try:
        parse(data)
    except InvalidRequest as error:
        return error
    return None


@pytest.mark.conformance(11, 61)
@quick
@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    error = refusal(data)
    assert error is not None
    assert error.status == 400


@pytest.mark.conformance(61)
@quick
@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=8))
def test_any_json(value: object) -> None:
    error = refusal(json.dumps(value).encode())
    assert error is not None
    assert error.status == 400


@pytest.mark.conformance(61)
@quick
@given(st.dictionaries(st.sampled_from(PARAMETERS), values, max_size=4))
def test_any_value_of_any_parameter(given_values: dict[str, Any]) -> None:
    error = refusal(body(**given_values))
    assert error is None or (error.param or "").partition(".")[0].partition("[")[0] in PARAMETERS


@pytest.mark.conformance(61)
@quick
@given(st.lists(messages, max_size=3))
def test_any_messages(given_messages: list[dict[str, Any]]) -> None:
    error = refusal(body(messages=[HI, *given_messages]))
    assert error is None or (error.param or "").startswith("messages")
