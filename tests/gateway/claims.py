"""Identities and prices for the tests of retries."""

from __future__ import annotations

from uuid import UUID

from gateway.idempotency import Done, Identities, Identity
from gateway.ports import Price
from gateway.usage import Tokens
from tests.fakes.clock import START_MS

IDENTITIES = Identities(b"a secret of thirty-two bytes or so")
WORKSPACE, KEY = UUID(int=100), UUID(int=101)
PRICE = Price(id=UUID(int=102), input_nanos=900, cached_nanos=180, output_nanos=3900, starts_at_ms=0, ends_at_ms=None)


def asked(number: int = 1, *, name: str = "trace-1", body: bytes = b"{}", at_ms: int = START_MS) -> Identity:
    """Return a request by X-Request-Id; each number is another try of it."""
    return IDENTITIES.loose(UUID(int=number), WORKSPACE, name, body, at_ms)


def strictly(number: int = 1, *, key: bytes = b"key-1", body: bytes = b"{}", at_ms: int = START_MS) -> Identity:
    """Return a request by Idempotency-Key."""
    return IDENTITIES.strict(UUID(int=number), WORKSPACE, KEY, key, body, at_ms)


def charged(one: Identity) -> Done:
    return Done(one.uid, one.digests[0], Tokens(1234, 1000, 567, 500), 2_601_900)
