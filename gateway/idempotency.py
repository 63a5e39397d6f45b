"""Is a request the retry of another one? Its identity, what may be known of the other, and the answer to that. Pure.

A request's identity is the id that its client chose and its body, for one workspace. Of a body only digests are kept
and compared: 128 bits under a key of the UTC day. A request has today's and yesterday's, and so one of them in common
with whatever came within 24 hours. `Idempotency-Key` is the strict form: its name holds for one API key, whatever the
body.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from gateway.amounts import dollars
from gateway.chunks import Usage, usage_of
from gateway.errors import InvalidRequest
from gateway.retry_errors import AlreadyCompleted, IdempotencyMismatch, InProgress
from gateway.usage import Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.errors import ApiError

DAY_MS = 86_400_000
KEPT_MS = DAY_MS  # so long after a request the same one again is a retry of it
LEASE_MS = 30_000  # so long a claim outlives its process
DIGEST_BYTES = 16
LONGEST_RETRY_AFTER = 5  # seconds
KEY = re.compile(rb"[!-~](?:[ -~]{0,253}[!-~])?")
PREFIX = "pylo:once:"
STATE = struct.Struct(">c16s16s5q")
RUNNING, DONE = b"R", b"D"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a request has in common with its retries."""

    uid: UUID  # its own, and no retry's
    workspace_id: UUID
    names: tuple[str, ...]  # where claims on it may stand; it claims the first
    digests: tuple[bytes, ...]  # of id and body, today's first


@dataclass(frozen=True, slots=True)
class Running:
    """The request `uid` is under way."""

    uid: UUID
    digest: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The request `uid` ended, and is charged."""

    uid: UUID
    digest: bytes
    tokens: Tokens
    cost_nanos: int


Known = Running | Done


class Charged(msgspec.Struct, frozen=True):
    """What the refusal of a retry tells of the request that was charged."""

    request_id: str  # Pylo's own of it
    usage: Usage
    cost_usd: str


def chosen_key(values: Sequence[bytes]) -> bytes | None:
    """Return the Idempotency-Key, if there is one; raise where it is none that can be used."""
    if not values:
        return None
    if len(values) != 1 or KEY.fullmatch(values[0]) is None:
        text = "Idempotency-Key is one header of 1 to 255 characters of printable ASCII."
        raise InvalidRequest(text, code="idempotency_key_invalid")
    return values[0]


class Identities:
    """Makes identities, under a secret that all processes share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._naming = hmac.digest(secret, b"names", "sha256")

    def loose(self, uid: UUID, workspace_id: UUID, request_id: str, body: bytes, at_ms: int) -> Identity:
        """By X-Request-Id: the same id with another body is another request."""
        digests = self._digests(b"id", workspace_id.bytes, request_id.encode("ascii"), body, at_ms)
        return Identity(uid, workspace_id, tuple(PREFIX + digest.hex() for digest in digests), digests)

    def strict(self, uid: UUID, workspace_id: UUID, key_id: UUID, key: bytes, body: bytes, at_ms: int) -> Identity:
        """By Idempotency-Key: one name, whatever the body and the day."""
        scope = workspace_id.bytes + key_id.bytes
        name = hashlib.blake2b(scope + key, key=self._naming, digest_size=DIGEST_BYTES).hexdigest()
        return Identity(uid, workspace_id, (PREFIX + name,), self._digests(b"key", scope, key, body, at_ms))

    def _digests(self, kind: bytes, scope: bytes, name: bytes, body: bytes, at_ms: int) -> tuple[bytes, ...]:
        said = kind + scope + hashlib.sha256(body).digest() + name  # only the last part's length varies
        today = at_ms // DAY_MS
        return tuple(self._digest(day, said) for day in (today, today - 1))

    def _digest(self, day: int, said: bytes) -> bytes:
        key = hmac.digest(self._secret, b"day %d" % day, "sha256")
        return hashlib.blake2b(said, key=key, digest_size=DIGEST_BYTES).digest()


def refusal(asked: Identity, known: Known | None, chance: float) -> ApiError | None:
    """Return what a request is told, by what is known of its like; None lets it run.

    `chance`, from 0 to less than 1, spreads the waits of many.
    """
    if known is None or known.uid == asked.uid:
        return None
    if known.digest not in asked.digests:
        return IdempotencyMismatch("This Idempotency-Key was used with another body within the last 24 hours.")
    if isinstance(known, Running):
        text = "The request with this id and body is still running. Its answer goes to whoever sent it first."
        return InProgress(text, retry_after=1 + int(chance * LONGEST_RETRY_AFTER))
    cost = dollars(known.cost_nanos)
    text = (
        f"The request with this id and body ended and is charged: {known.tokens.prompt} prompt and "
        f"{known.tokens.completion} completion tokens, {cost} USD. Answers are not kept, so it cannot be sent again; "
        "send the request under another id to run it anew."
    )
    return AlreadyCompleted(text, Charged(f"req_{known.uid}", usage_of(known.tokens, known.cost_nanos), cost))


def pack(known: Known) -> bytes:
    """Spell it for a store: its first byte is the state, the next 16 are the uid."""
    if isinstance(known, Running):
        return STATE.pack(RUNNING, known.uid.bytes, known.digest, 0, 0, 0, 0, 0)
    tokens = known.tokens
    counts = (tokens.prompt, tokens.cached, tokens.completion, tokens.reasoning, known.cost_nanos)
    return STATE.pack(DONE, known.uid.bytes, known.digest, *counts)


def unpack(data: bytes) -> Known | None:
    """Read what `pack` wrote; None for what another release may have written."""
    if len(data) != STATE.size or data[:1] not in (RUNNING, DONE):
        return None
    state, uid, digest, prompt, cached, completion, reasoning, cost = STATE.unpack(data)
    if state == RUNNING:
        return Running(UUID(bytes=uid), digest)
    return Done(UUID(bytes=uid), digest, Tokens(prompt, cached, completion, reasoning), cost)
