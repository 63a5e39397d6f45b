"""How the model is presented: OpenAI's model object with aggregators' flat fields, and their closed document. Pure.

The flat fields are OpenRouter's legacy format; the document is its "schema_version 2.4", which allows no other key, so
the two cannot be one list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gateway.amounts import dollars
from gateway.schema import CONTEXT_TOKENS, MOST_STOPS

if TYPE_CHECKING:
    from datetime import date

    from gateway.ports import Price

CREATED = 1_776_643_200  # 2026-04-20, the model's release
NAME = "MoonshotAI: Kimi K2.6"
HUGGING_FACE_ID = "moonshotai/Kimi-K2.6"
QUANTIZATION = "int4"
DESCRIPTION = "Kimi K2.6 by Moonshot AI: text in, text out, with reasoning, tools and structured outputs."
FEATURES = ("reasoning", "structured_outputs", "tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The model as configured: its public slug, what sampling takes effect, and the day it goes, if that is known."""

    model: str
    sampling: tuple[str, ...] = ()
    retires: date | None = None


class Pricing(msgspec.Struct, frozen=True):
    """Dollars a token, as plain decimals."""

    prompt: str
    completion: str
    image: str
    request: str
    input_cache_read: str


class Slug(msgspec.Struct, frozen=True):
    slug: str


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """OpenAI's model object with the aggregators' flat fields beside it."""

    id: str
    object: str
    created: int
    owned_by: str
    name: str
    description: str
    hugging_face_id: str
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    quantization: str
    context_length: int
    max_output_length: int
    pricing: Pricing
    supported_sampling_parameters: tuple[str, ...]
    supported_features: tuple[str, ...]
    is_ready: bool
    openrouter: Slug
    deprecation_date: str | None = None
    shutdown_date: str | None = None


def card(offer: Offer, price: Price) -> Card:
    retires = offer.retires.isoformat() if offer.retires is not None else None
    return Card(
        id=offer.model,
        object="model",
        created=CREATED,
        owned_by="moonshotai",
        name=NAME,
        description=DESCRIPTION,
        hugging_face_id=HUGGING_FACE_ID,
        input_modalities=("text",),
        output_modalities=("text",),
        quantization=QUANTIZATION,
        context_length=CONTEXT_TOKENS,
        max_output_length=CONTEXT_TOKENS,
        pricing=Pricing(
            prompt=dollars(price.input_nanos),
            completion=dollars(price.output_nanos),
            image="0",
            request="0",
            input_cache_read=dollars(price.cached_nanos),
        ),
        supported_sampling_parameters=offer.sampling,
        supported_features=FEATURES,
        is_ready=True,
        openrouter=Slug(offer.model),
        deprecation_date=retires,
        shutdown_date=retires,
    )


class Length(msgspec.Struct, frozen=True):
    value: int
    unit: str = "token"


class Cost(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    cost_usd: str
    unit: str | None = None
    implicit: bool = False  # cached without being asked to


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    min: int | None = None
    max: int | None = None
    max_items: int | None = None


class Inputs(msgspec.Struct, frozen=True):
    max_context_length: Length


class TextIn(msgspec.Struct, frozen=True):
    type: str
    supported_inputs: Inputs
    pricing: tuple[Cost, ...]


class TextOut(msgspec.Struct, frozen=True):
    type: str
    max_length: Length
    streaming: bool
    supported_parameters: dict[str, Parameter]
    pricing: tuple[Cost, ...]


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model in the aggregator's schema 2.4."""

    schema_version: str
    id: str
    hugging_face_id: str
    name: str
    created: int
    quantization: str
    description: str
    input_modalities: tuple[TextIn, ...]
    output_modalities: tuple[TextOut, ...]
    is_ready: bool
    openrouter: Slug
    deprecation_date: str | None = None


PARAMETERS = {
    "max_tokens": Parameter("integer", 1, CONTEXT_TOKENS),
    "stop": Parameter("array", max_items=MOST_STOPS),
    "temperature": Parameter("range", 0, 2),
    "top_p": Parameter("range", 0, 1),
    "frequency_penalty": Parameter("range", -2, 2),
    "presence_penalty": Parameter("range", -2, 2),
    "seed": Parameter("integer"),
    "top_k": Parameter("integer", -1),
    "min_p": Parameter("range", 0, 1),
    "repetition_penalty": Parameter("range", 0, 2),
}
SWITCH = Parameter("boolean")


def document(offer: Offer, price: Price) -> Document:
    prompt = Cost("prompt", dollars(price.input_nanos), "token")
    cached = Cost("cached_prompt", dollars(price.cached_nanos), "token", implicit=True)
    completion = Cost("completion", dollars(price.output_nanos), "token")
    parameters = {name: PARAMETERS[name] for name in offer.sampling} | dict.fromkeys(FEATURES, SWITCH)
    return Document(
        schema_version="2.4",
        id=offer.model,
        hugging_face_id=HUGGING_FACE_ID,
        name=NAME,
        created=CREATED,
        quantization=QUANTIZATION,
        description=DESCRIPTION,
        input_modalities=(TextIn("text", Inputs(Length(CONTEXT_TOKENS)), (prompt, cached)),),
        output_modalities=(TextOut("text", Length(CONTEXT_TOKENS), True, parameters, (completion,)),),
        is_ready=True,
        openrouter=Slug(offer.model),
        deprecation_date=offer.retires.isoformat() if offer.retires is not None else None,
    )
