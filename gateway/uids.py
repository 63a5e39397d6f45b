"""Identities of a request: its UUIDv7, and the X-Request-Id that clients may choose. Pure: time and entropy come in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTROPY_BYTES = 10
REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")


def uuid7(at_ms: int, entropy: bytes) -> UUID:
    """Return the RFC 9562 version 7 UUID of a moment: sorted by time, 74 bits of `entropy` behind it."""
    if not 0 <= at_ms < 2**48 or len(entropy) != ENTROPY_BYTES:
        message = f"a UUIDv7 takes 48 bits of milliseconds and {ENTROPY_BYTES} bytes of entropy"
        raise ValueError(message)
    high, low = int.from_bytes(entropy[:2], "big") & 0xFFF, int.from_bytes(entropy[2:], "big") & (2**62 - 1)
    return UUID(int=at_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


@dataclass(frozen=True, slots=True)
class RequestIds:
    """What names one request everywhere: its uid, the X-Request-Id that clients may choose, and our own id."""

    uid: UUID
    request_id: str
    own_id: str
    refused: bool  # the client chose one that cannot be used

    @property
    def chosen(self) -> bool:
        return self.request_id != self.own_id


def identify(uid: UUID, given: Sequence[bytes]) -> RequestIds:
    own_id = f"req_{uid}"
    chosen = chosen_id(given) if given else own_id
    return RequestIds(uid, chosen or own_id, own_id, refused=chosen is None)


def chosen_id(values: Sequence[bytes]) -> str | None:
    """Return the X-Request-Id a client sent, or None when it came twice or has a character that could do harm."""
    if len(values) != 1 or REQUEST_ID.fullmatch(values[0]) is None:
        return None
    return values[0].decode("ascii")
