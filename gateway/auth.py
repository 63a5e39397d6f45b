"""Bearer token → Principal. Whatever is wrong with a key, the answer is the same 401; a store that is away is a 503."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts import tokens
from gateway.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.asgi import Request
    from gateway.ports import KeyStore, Principal


async def authenticate(request: Request, keys: KeyStore, peppers: Sequence[str], now_ms: int) -> Principal:
    token = bearer(request)
    if token is None:
        raise Unauthorized
    principal = await keys.find([tokens.digest(token, pepper) for pepper in peppers])
    if principal is None or principal.expired(now_ms):
        raise Unauthorized
    keys.used(principal.key_id, now_ms)
    return principal


def bearer(request: Request) -> tokens.Token | None:
    """Return the key in the Authorization header, if it has the shape and checksum of one."""
    values = request.headers(b"authorization")
    if len(values) != 1:
        return None
    scheme, _, secret = values[0].partition(b" ")
    if scheme.lower() != b"bearer" or not secret.isascii():
        return None
    return tokens.parse(secret.strip().decode("ascii"))
