"""The API key's format: mint, check and digest it. Pure: entropy and peppers come in as arguments.

`pylo_sk_` + 32 base62 characters (190 bits) + 6 base62 characters of the CRC-32 over all before. The unique prefix and
the checksum let secret scanners recognise a key, and let the gateway refuse garbage before any look-up. The scheme is
GitHub's (github.blog, "Behind GitHub's new authentication token formats", 2021).
"""

from __future__ import annotations

import hmac
import re
import zlib
from dataclasses import dataclass
from hashlib import sha256

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = "pylo_sk_"
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
ENTROPY_BYTES = 32
SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Token:
    """A key in clear. It has no repr that shows it, so no log or traceback can."""

    secret: str

    def __repr__(self) -> str:
        return f"Token({self.prefix}…{self.last_four})"

    __str__ = __repr__

    @property
    def prefix(self) -> str:
        return self.secret[: len(PREFIX) + 4]

    @property
    def last_four(self) -> str:
        return self.secret[-4:]


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode("ascii")), CHECKSUM_LENGTH)


def mint(entropy: bytes) -> Token:
    """Make a key of 32 random bytes, as `secrets.token_bytes(ENTROPY_BYTES)` gives them."""
    if len(entropy) != ENTROPY_BYTES:
        message = f"a key takes {ENTROPY_BYTES} bytes of entropy, not {len(entropy)}"
        raise ValueError(message)
    body = PREFIX + _base62(int.from_bytes(entropy, "big"), RANDOM_LENGTH)
    return Token(body + _checksum(body))


def parse(text: str) -> Token | None:
    """Return the key that `text` spells, or None when its shape or checksum says that no such key was ever minted."""
    if SHAPE.fullmatch(text) is None:
        return None
    if not hmac.compare_digest(_checksum(text[:-CHECKSUM_LENGTH]), text[-CHECKSUM_LENGTH:]):
        return None
    return Token(text)


def digest(token: Token, pepper: str) -> bytes:
    """HMAC-SHA-256 of the key, 32 bytes: what is stored and looked up."""
    return hmac.digest(pepper.encode(), token.secret.encode("ascii"), sha256)
