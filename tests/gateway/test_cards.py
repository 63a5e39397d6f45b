from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.abilities import TAKEN, sampling
from gateway.amounts import dollars
from gateway.cards import PARAMETERS, Offer, card, document
from gateway.ports import Price

PLAIN = re.compile(r"\d+(\.\d+)?")
SCHEMA = json.loads((Path(__file__).parent / "provider_schema.json").read_text())
PRICE = Price(id=UUID(int=1), input_nanos=900, cached_nanos=180, output_nanos=3900, starts_at_ms=0, ends_at_ms=None)
SLUG = "moonshotai/kimi-k2.6"


def shown(kind: Any, *dialects: str, retires: date | None = None, price: Price = PRICE) -> dict[str, Any]:
    made = kind(Offer(model=SLUG, sampling=sampling(dialects), retires=retires), price)
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(made))
    return decoded


@pytest.mark.conformance(36)
@given(st.integers(0, 10**18))
def test_a_price_is_a_plain_decimal_and_exact(nanos: int) -> None:
    assert PLAIN.fullmatch(dollars(nanos))
    assert Decimal(dollars(nanos)) * 10**9 == nanos


@pytest.mark.conformance(36)
@pytest.mark.parametrize(
    ("nanos", "text"), [(0, "0"), (900, "0.0000009"), (180, "0.00000018"), (10**9, "1"), (1_500_000_000, "1.5")]
)
def test_nano_dollars_are_spelled_in_dollars(nanos: int, text: str) -> None:
    assert dollars(nanos) == text


@pytest.mark.conformance(31, 35)
def test_the_card_is_openais_model_with_the_aggregators_fields() -> None:
    assert shown(card, "moonshot") == {
        "id": SLUG,
        "object": "model",
        "created": 1_776_643_200,
        "owned_by": "moonshotai",
        "name": "MoonshotAI: Kimi K2.6",
        "description": "Kimi K2.6 by Moonshot AI: text in, text out, with reasoning, tools and structured outputs.",
        "hugging_face_id": "moonshotai/Kimi-K2.6",
        "input_modalities": ["text"],
        "output_modalities": ["text"],
        "quantization": "int4",
        "context_length": 262_144,
        "max_output_length": 262_144,
        "pricing": {
            "prompt": "0.0000009",
            "completion": "0.0000039",
            "image": "0",
            "request": "0",
            "input_cache_read": "0.00000018",
        },
        "supported_sampling_parameters": ["max_tokens", "stop"],
        "supported_features": ["reasoning", "structured_outputs", "tools"],
        "is_ready": True,
        "openrouter": {"slug": SLUG},
    }


@pytest.mark.conformance(37)
@pytest.mark.parametrize("dialects", [["moonshot"], ["vllm", "sglang"], ["openai"]])
@pytest.mark.parametrize("retires", [None, date(2026, 12, 31)])
def test_the_document_fits_the_aggregators_closed_schema(dialects: list[str], retires: date | None) -> None:
    made = shown(document, *dialects, retires=retires)
    jsonschema.validate({"data": [made]}, SCHEMA)
    assert {"object", "owned_by"} & set(made) == set()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": [{**made, "object": "model"}]}, SCHEMA)


@pytest.mark.conformance(37)
def test_the_document_has_the_models_lengths_and_prices() -> None:
    made = shown(document, "moonshot")
    (text_in,), (text_out,) = made["input_modalities"], made["output_modalities"]
    assert text_in["supported_inputs"]["max_context_length"] == {"value": 262_144, "unit": "token"}
    assert text_in["pricing"] == [
        {"type": "prompt", "cost_usd": "0.0000009", "unit": "token"},
        {"type": "cached_prompt", "cost_usd": "0.00000018", "unit": "token", "implicit": True},
    ]
    assert text_out["pricing"] == [{"type": "completion", "cost_usd": "0.0000039", "unit": "token"}]
    assert (text_out["streaming"], text_out["max_length"]["value"]) == (True, 262_144)
    assert set(text_out["supported_parameters"]) == {"max_tokens", "stop", "reasoning", "structured_outputs", "tools"}


@pytest.mark.conformance(38)
def test_both_lists_promise_the_same_parameters_and_each_is_described() -> None:
    promised = shown(card, "vllm")["supported_sampling_parameters"]
    described = shown(document, "vllm")["output_modalities"][0]["supported_parameters"]
    assert set(described) - {"reasoning", "structured_outputs", "tools"} == set(promised)
    assert set().union(*TAKEN.values()) <= set(PARAMETERS)


@pytest.mark.conformance(40)
def test_a_day_on_which_the_model_goes_is_told_in_every_list_and_only_then() -> None:
    told = shown(card, retires=date(2026, 12, 31))
    assert (told["deprecation_date"], told["shutdown_date"]) == ("2026-12-31", "2026-12-31")
    assert shown(document, retires=date(2026, 12, 31))["deprecation_date"] == "2026-12-31"
    assert not {"deprecation_date", "shutdown_date"} & {*shown(card), *shown(document)}
