"""Principal → Permit, or a refusal before any work: no money is 402, a limit of the customer's 429, no room 503."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import limits
from gateway.errors import (
    LONGEST_WAIT_SECONDS,
    InsufficientQuota,
    Overloaded,
    RateLimitExceeded,
    TokenRateLimitExceeded,
)
from gateway.limits import SECOND, Asking, Holder, Kind
from gateway.schema import CONTEXT_TOKENS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

    from gateway.errors import Headers
    from gateway.limiter import Limiter
    from gateway.limits import Answer
    from gateway.ports import Principal
    from gateway.usage import RequestRecord

RETRY_AFTER_SECONDS = 2
BUSY = "The server is busy. Please try again shortly."
BYTES_PER_TOKEN = 4
JITTER = 0.25  # of a wait, added and never taken away
NO_TELLING = SECOND  # when one of a customer's requests ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What admission is told of a request. `body_bytes` stands for its prompt until that is counted."""

    principal: Principal
    uid: UUID
    body_bytes: int


class Permit:
    """Leave to serve one request; it ends with the block that holds it. `headers` go on every answer to it."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self.tokens = 0

    def settle(self, record: RequestRecord) -> None:
        """Take note of what was used; a request that comes to nothing gets its tokens back."""
        self.tokens = record.tokens.prompt + record.tokens.completion


class Admission:
    """Counts what this process serves, and lets no more in than it may."""

    def __init__(self, most_in_flight: int, limiter: Limiter, draw: Callable[[], float]) -> None:
        """`draw` gives a random number of [0, 1): clients that were refused together do not come back together."""
        self._most = most_in_flight
        self._limiter = limiter
        self._draw = draw
        self.in_flight = 0

    @asynccontextmanager
    async def permit(self, asked: Asked, carry: Callable[[Headers], object]) -> AsyncIterator[Permit]:
        """Let a request in, and give its answer's headers to `carry`; a refusal has them itself."""
        if asked.principal.spendable_nanos <= 0:
            raise InsufficientQuota("The balance of this workspace is used up. Add credit in the portal.")
        if self.in_flight >= self._most:
            raise Overloaded(BUSY, retry_after=RETRY_AFTER_SECONDS, shed="in_flight")
        asking = _asking(asked)
        self.in_flight += 1
        try:
            permit = Permit(await self._within_limits(asking))
            try:
                carry(permit.headers)
                yield permit
            finally:
                self._limiter.end(asking, permit.tokens)
        finally:
            self.in_flight -= 1

    async def _within_limits(self, asking: Asking) -> Headers:
        """Take of every limit, and return how they stand then; or refuse, and nothing is taken."""
        for holder in asking.holders:
            if asking.tokens > holder.limits.tokens_per_minute:
                raise _never_fits(asking, holder)
        answer = await self._limiter.take(asking)
        headers = limits.headers(asking.holders, answer.levels) if answer.levels else []
        if answer.kind is not None:
            raise self._refusal(asking, answer, headers)
        return headers

    def _refusal(self, asking: Asking, answer: Answer, headers: Headers) -> RateLimitExceeded:
        holder, level = asking.holders[answer.holder], answer.levels[answer.holder]
        has = holder.limits
        match answer.kind:
            case Kind.TOKENS:
                left, limit = limits.remaining(level.tokens, has.tokens_per_minute), has.tokens_per_minute
                text = f"tokens per minute (limit {limit}, left {left}, requested about {asking.tokens})"
            case Kind.REQUESTS:
                text = f"requests per minute (limit {has.requests_per_minute})"
            case _:
                most = has.concurrent_requests
                text = f"requests at once: {most} of {holder.words} are running"
        error = TokenRateLimitExceeded if answer.kind is Kind.TOKENS else RateLimitExceeded
        wait = answer.wait or NO_TELLING
        again = (
            f"Please try again in {limits.duration(wait)}." if answer.wait else "Please try again when one has ended."
        )
        message = f"Rate limit reached for {holder.words} on {text}. {again}"
        return error(message, retry_after=self._jittered(wait), headers=headers)

    def _jittered(self, wait: int) -> int:
        """Return whole seconds, at least the wait; what clients can wait for stays what they can wait for."""
        seconds = -(-wait // SECOND)
        if seconds > LONGEST_WAIT_SECONDS:
            return seconds
        return min(-(-int(wait * (1 + JITTER * self._draw())) // SECOND), LONGEST_WAIT_SECONDS)


def _asking(asked: Asked) -> Asking:
    principal = asked.principal
    holders = [Holder("", principal.limits)]
    if principal.key_limits is not None:
        holders.append(Holder(principal.key_id.hex, principal.key_limits))
    tokens = min(asked.body_bytes // BYTES_PER_TOKEN, CONTEXT_TOKENS)  # escaped, a character is six bytes
    return Asking(principal.workspace_id, asked.uid, tokens, tuple(holders))


def _never_fits(asking: Asking, holder: Holder) -> RateLimitExceeded:
    error = TokenRateLimitExceeded(
        f"This request is too large for {holder.words}: it has about {asking.tokens} tokens, and the limit is "
        f"{holder.limits.tokens_per_minute} tokens per minute."
    )
    error.should_retry = False
    return error
