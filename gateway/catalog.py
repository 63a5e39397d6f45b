"""The models on offer and what they cost, as OpenAI's clients and aggregators read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.cards import Card, Document, card, document
from gateway.errors import ModelNotFound, Unavailable, echoed

if TYPE_CHECKING:
    from gateway.cards import Offer
    from gateway.ports import Price, PriceBook


class CardList(msgspec.Struct, frozen=True):
    object: str
    data: tuple[Card, ...]


class DocumentList(msgspec.Struct, frozen=True):
    data: tuple[Document, ...]


class Catalog:
    def __init__(self, offer: Offer, prices: PriceBook) -> None:
        self._offer = offer
        self._prices = prices

    def require(self, model: str | None) -> str:
        """Return the slug if it is on offer. Only it is ever recorded: what a client wrote instead is not."""
        if model is None or model != self._offer.model:
            text = f"The model `{echoed(model or '')}` does not exist. GET /v1/models lists what does."
            raise ModelNotFound(text, param="model")
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

    async def provider_list(self, at_ms: int) -> bytes:
        """Return the list that aggregators read, in their own schema."""
        price = await self.price(self._offer.model, at_ms)
        return msgspec.json.encode(DocumentList((document(self._offer, price),)))

    async def _card(self, at_ms: int) -> Card:
        return card(self._offer, await self.price(self._offer.model, at_ms))
