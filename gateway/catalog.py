"""The models on offer and what they cost, as OpenAI's clients and aggregators read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.errors import ModelNotFound, Unavailable
from gateway.schema import CONTEXT_TOKENS

if TYPE_CHECKING:
    from gateway.ports import Price, PriceBook

CREATED = 1_776_643_200  # 2026-04-20, the model's release
NANO_DIGITS = 9


class Pricing(msgspec.Struct, frozen=True):
    """Dollars a token, as plain decimals."""

    prompt: str
    completion: str
    image: str
    request: str
    input_cache_read: str


class Card(msgspec.Struct, frozen=True):
    """OpenAI's model object with the aggregators' flat fields beside it."""

    id: str
    object: str
    created: int
    owned_by: str
    name: str
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


class CardList(msgspec.Struct, frozen=True):
    object: str
    data: tuple[Card, ...]


class Catalog:
    def __init__(self, model: str, prices: PriceBook) -> None:
        self._model = model
        self._prices = prices

    def require(self, model: str | None) -> str:
        """Return the slug if it is on offer. Only it is ever recorded: what a client wrote instead is not."""
        if model is None or model != self._model:
            raise ModelNotFound("The model does not exist. GET /v1/models lists what does.", param="model")
        return model

    async def price(self, model: str, at_ms: int) -> Price:
        price = await self._prices.at(model, at_ms)
        if price is None:
            raise Unavailable("The model has no price at this time. Please try again later.", retry_after=30)
        return price

    async def list(self, at_ms: int) -> bytes:
        return msgspec.json.encode(CardList("list", (await self._card(at_ms),)))

    async def model(self, model: str, at_ms: int) -> bytes:
        self.require(model)
        return msgspec.json.encode(await self._card(at_ms))

    async def _card(self, at_ms: int) -> Card:
        price = await self.price(self._model, at_ms)
        return Card(
            id=self._model,
            object="model",
            created=CREATED,
            owned_by="moonshotai",
            name="MoonshotAI: Kimi K2.6",
            hugging_face_id="moonshotai/Kimi-K2.6",
            input_modalities=("text",),
            output_modalities=("text",),
            quantization="int4",
            context_length=CONTEXT_TOKENS,
            max_output_length=CONTEXT_TOKENS,
            pricing=Pricing(
                prompt=dollars(price.input_nanos),
                completion=dollars(price.output_nanos),
                image="0",
                request="0",
                input_cache_read=dollars(price.cached_nanos),
            ),
            supported_sampling_parameters=("max_tokens", "stop"),
            supported_features=("reasoning", "structured_outputs", "tools"),
            is_ready=True,
        )


def dollars(nanos: int) -> str:
    """Spell nano-dollars in dollars without an exponent and without a float: 900 is 0.0000009."""
    whole, rest = divmod(nanos, 10**NANO_DIGITS)
    return f"{whole}.{rest:0{NANO_DIGITS}d}".rstrip("0").rstrip(".")
