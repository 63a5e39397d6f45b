"""Principal → Permit, or a refusal before any work: no money is 402, a limit of the customer's 429, no room 503."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gateway import limits, quotes
from gateway.amounts import dollars
from gateway.errors import (
    COST,
    LONGEST_WAIT_SECONDS,
    Overloaded,
    RateLimitExceeded,
    TokenRateLimitExceeded,
    Unavailable,
)
from gateway.limits import SECOND, Asking, Holder, Kind
from gateway.quotes import Most
from gateway.schema import CONTEXT_TOKENS
from gateway.usage import CHARGED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

    from gateway.errors import ApiError, Headers
    from gateway.limiter import Limiter
    from gateway.limits import Answer
    from gateway.ports import Price, Principal
    from gateway.purses import Purse, Wanted
    from gateway.schema import Chat
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
    wanted: Wanted
    price: Price
    at_ms: int


class Permit:
    """Leave to serve one request; it ends with the block that holds it. `carry` puts headers on its answer."""

    def __init__(self, asked: Asked, answer: Answer, headers: Headers, carry: Callable[[Headers], object]) -> None:
        self.most = Most(asked.wanted.prompt_tokens, answer.granted)
        self.tokens = 0
        self.cost = 0
        self._price = asked.price
        self._held = asked.wanted.nanos(answer.granted)
        self._balance = answer.available[0] if answer.available else None
        self._carry = carry
        self._headers = [*headers, (b"x-pylo-max-cost", dollars(self._held).encode())]
        carry([*self._headers, *self._left(0)])

    def clamped(self, chat: Chat) -> Chat:
        """Return the request as an upstream is asked it: for no more than is held."""
        return msgspec.structs.replace(chat, max_completion_tokens=self.most.completion, max_tokens=None)

    def settle(self, record: RequestRecord) -> None:
        """Take note of what was used; a request that comes to nothing gets its tokens back, and its money."""
        self.tokens = record.tokens.prompt + record.tokens.completion
        self.cost = self._price.nanos(record.tokens) if record.outcome in CHARGED else 0
        self._carry([*self._headers, (COST, dollars(self.cost).encode()), *self._left(self._held - self.cost)])

    def _left(self, freed: int) -> Headers:
        """Return what is left of the balance beside all that is held, as far as it is known."""
        return [] if self._balance is None else [(b"x-pylo-balance", dollars(self._balance + freed).encode())]


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
        if self.in_flight >= self._most:
            raise Overloaded(BUSY, retry_after=RETRY_AFTER_SECONDS, shed="in_flight")
        self.in_flight += 1
        try:
            wallet = await self._limiter.wallets.of(asked.principal.workspace_id)
            purses = wallet.purses(asked.principal.key_id, asked.at_ms)
            asking = _asking(asked, purses)
            answer, headers = await self._within_limits(asking, purses)
            permit = Permit(asked, answer, headers, carry)
            try:
                yield permit
            finally:
                self._limiter.end(asking, permit.tokens, permit.cost)
        finally:
            self.in_flight -= 1

    async def _within_limits(self, asking: Asking, purses: tuple[Purse, ...]) -> tuple[Answer, Headers]:
        """Take of every limit and purse, and return how they stand then; or refuse, and nothing is taken."""
        for holder in asking.holders:
            if asking.tokens > holder.limits.tokens_per_minute:
                raise _never_fits(asking, holder)
        answer = await self._limiter.take(asking)
        headers = limits.headers(asking.holders, answer.levels) if answer.levels else []
        match answer.kind:
            case None:
                return answer, headers
            case Kind.MONEY:
                raise quotes.refusal(purses[answer.holder], answer.available[answer.holder], asking.wanted)
            case Kind.UNMADE | Kind.AT_HAND:
                raise _counting()
            case _:
                raise self._refusal(asking, answer, headers)

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


def _asking(asked: Asked, purses: tuple[Purse, ...]) -> Asking:
    principal = asked.principal
    holders = [Holder("", principal.limits)]
    if principal.key_limits is not None:
        holders.append(Holder(principal.key_id.hex, principal.key_limits))
    tokens = min(asked.body_bytes // BYTES_PER_TOKEN, CONTEXT_TOKENS)  # escaped, a character is six bytes
    keys = tuple(purse.key for purse in purses)
    return Asking(principal.workspace_id, asked.uid, tokens, tuple(holders), keys, asked.wanted)


def _counting() -> ApiError:
    return Unavailable("What is left of your balance is being counted. Please try again in a second.", retry_after=1)


def _never_fits(asking: Asking, holder: Holder) -> RateLimitExceeded:
    error = TokenRateLimitExceeded(
        f"This request is too large for {holder.words}: it has about {asking.tokens} tokens, and the limit is "
        f"{holder.limits.tokens_per_minute} tokens per minute."
    )
    error.should_retry = False
    return error
