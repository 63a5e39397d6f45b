"""The keys that sign receipts: Ed25519 (RFC 8032). The newest signs; the older ones stay, so that others can verify."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Sequence

ALGORITHM = "Ed25519"
PUBLIC = "public:"
SHAPE = re.compile(rf"(?:{PUBLIC})?[0-9a-f]{{64}}")
ID_LENGTH = 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    raw: bytes  # 32 bytes

    @property
    def id(self) -> str:
        """Return the start of the SHA-256 of the key, in hexadecimal."""
        return sha256(self.raw).hexdigest()[:ID_LENGTH]

    @property
    def text(self) -> str:
        return base64.b64encode(self.raw).decode("ascii")

    @property
    def setting(self) -> str:
        """Return how the key is written once its private half is destroyed."""
        return PUBLIC + self.raw.hex()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    """`text` is base64, as all who show a signature show it."""

    key_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The newest key, which signs, and all public halves, the newest first."""

    public: tuple[PublicKey, ...]
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> Signature:
        """Sign; the same message under the same key gives the same signature."""
        return Signature(self.public[0].id, base64.b64encode(self._private.sign(message)).decode("ascii"))


def keys(written: Sequence[str]) -> Keys:
    """Read PYLO_RECEIPT_KEYS: 64 hexadecimal digits a private key, `public:` before them where only that is left."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(written[0]))
    return Keys(tuple(map(public_half, written)), private)


def public_half(written: str) -> PublicKey:
    raw = bytes.fromhex(written.removeprefix(PUBLIC))
    if written.startswith(PUBLIC):
        return PublicKey(raw)
    return PublicKey(Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw())


def is_key(written: str) -> bool:
    return SHAPE.fullmatch(written) is not None


def is_public(written: str) -> bool:
    return written.startswith(PUBLIC)
