"""The signature of a payment provider's webhook: HMAC-SHA-256 over the time, a dot and the raw body. Pure."""

from __future__ import annotations

import hmac
from hashlib import sha256

TOLERANCE = 300  # seconds, either way
LONGEST_TIME = 12  # digits


class BadSignature(Exception):  # noqa: N818 - reads as what it is
    """Nobody who knows the secret sent this body at this time; the text says what is wrong."""


def verify(body: bytes, header: str, secret: str, now: float) -> None:
    """Raise `BadSignature` unless `header` (`t=…,v1=…`) signs `body` and is no older than the tolerance."""
    if not secret:
        raise BadSignature("there is no secret to check against")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamp = next((value for name, _, value in pairs if name == "t"), "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST_TIME):
        raise BadSignature("it has no time")
    if abs(now - int(stamp)) > TOLERANCE:
        raise BadSignature("its time is not within the tolerance")
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest().encode()
    given = [value.encode("utf-8", "replace") for name, _, value in pairs if name == "v1"]
    if not any(hmac.compare_digest(expected, one) for one in given):
        raise BadSignature("it does not match")
