"""A receipt: what a record says, as bytes that are the same for ever. docs/receipts.md describes them. Pure.

The bytes are the record's facts as JSON in the canonical form of RFC 8785: keys in order, no blanks, and no number that
is not whole. Who signs them is no part of them, so they outlive every key. Nor is the X-Request-Id, a client's own word
that is blanked in time: the signature stands for both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

FORMAT = "pylo-receipt-1"
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A request as its receipt states it. Tokens are as `gateway.usage.Tokens` has them, prices n$ a token."""

    uid: UUID
    workspace_id: UUID
    key_id: UUID
    model: str
    admitted_at: datetime
    outcome: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    usage_source: str
    price_id: UUID
    input_nanos: int
    cached_nanos: int
    output_nanos: int
    cost_nanos: int
    waived_nanos: int

    @property
    def total_nanos(self) -> int:
        """What the arithmetic comes to: charged or waived."""
        fresh = self.prompt_tokens - self.cached_tokens
        return (
            fresh * self.input_nanos
            + self.cached_tokens * self.cached_nanos
            + self.completion_tokens * self.output_nanos
        )

    @property
    def adds_up(self) -> bool:
        return self.total_nanos == self.cost_nanos + self.waived_nanos and not (self.cost_nanos and self.waived_nanos)


def canonical(values: Mapping[str, object]) -> bytes:
    """Spell whole numbers, texts and lists of such objects in the one way there is (RFC 8785)."""
    return _encode(values).encode()


def receipt(facts: Facts) -> bytes:
    """Return the bytes. They are written out, not encoded from members: an invoice may have a million of them."""
    return (
        f'{{"admitted_at":"{moment(facts.admitted_at)}","arithmetic":"{arithmetic(facts)}",'
        f'"cached_nanos_per_token":{facts.cached_nanos},"cached_tokens":{facts.cached_tokens},'
        f'"completion_tokens":{facts.completion_tokens},"cost_nanos":{facts.cost_nanos},"format":"{FORMAT}",'
        f'"id":"req_{facts.uid}","input_nanos_per_token":{facts.input_nanos},"key_id":"{_id(facts.key_id)}",'
        f'"model":{_text(facts.model)},"outcome":{_text(facts.outcome)},"output_nanos_per_token":{facts.output_nanos},'
        f'"price_id":"{_id(facts.price_id)}","prompt_tokens":{facts.prompt_tokens},'
        f'"reasoning_tokens":{facts.reasoning_tokens},"usage_source":{_text(facts.usage_source)},'
        f'"waived_nanos":{facts.waived_nanos},"workspace_id":"{_id(facts.workspace_id)}"}}'
    ).encode()


def content(facts: Facts) -> dict[str, str | int]:
    """Return the members of a receipt."""
    members: dict[str, str | int] = json.loads(receipt(facts))
    return members


def signed_text(facts: Facts, request_id: str) -> bytes:
    """Return what is signed: the receipt, and the X-Request-Id as long as it is kept."""
    return canonical({"receipt": content(facts), "request_id": request_id})


def arithmetic(facts: Facts) -> str:
    """Write the sum out in ASCII, as it stands in the receipt: any calculator takes it."""
    return (
        f"({facts.prompt_tokens} - {facts.cached_tokens}) * {facts.input_nanos}"
        f" + {facts.cached_tokens} * {facts.cached_nanos}"
        f" + {facts.completion_tokens} * {facts.output_nanos} = {facts.total_nanos}"
    )


def written_out(facts: Facts) -> str:
    """Write the sum out for people: '(1234 − 1000) × 900 + 1000 × 180 + 567 × 3900 = 2 601 900 n$'."""
    terms, _, total = arithmetic(facts).partition(" = ")
    return f"{terms.replace('-', '−').replace('*', '×')} = {int(total):,} n$".replace(",", " ")


def moment(at: datetime) -> str:
    """Spell a moment, to the microsecond of UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=1024)
def _text(value: str) -> str:
    return _encode(value)


_id = lru_cache(maxsize=1024)(str)  # few of them come again and again
