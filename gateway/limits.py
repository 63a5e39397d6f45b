"""What a customer may use a minute and at once, and the arithmetic of it. Pure; time is microseconds, an int.

A bucket is one number: the moment at which it is full again. It holds a minute's worth, so all of a limit may come at
once, and fills evenly. A refused request takes nothing; an answer longer than was asked for may leave the bucket empty
for up to a minute more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.purses import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from gateway.errors import Headers

SECOND = 1_000_000
MINUTE = 60 * SECOND
FULLEST_DEBT = 2 * MINUTE  # until a bucket is full that owes as much as it holds


class Kind(StrEnum):
    """What there may not be more of; or why a purse gives nothing."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENT = "concurrent"
    MONEY = "money"  # too little is available
    AT_HAND = "at hand"  # it would do, but processes have some of it at hand, which they give back within a second
    UNMADE = "unmade"  # Redis does not know the purse


OF_MONEY = frozenset({Kind.MONEY, Kind.AT_HAND, Kind.UNMADE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    requests_per_minute: int
    tokens_per_minute: int
    concurrent_requests: int

    @classmethod
    def of(cls, requests: int, tokens: int, concurrent: int) -> Limits:
        return cls(requests_per_minute=requests, tokens_per_minute=tokens, concurrent_requests=concurrent)

    def lowered(self, requests: int | None, tokens: int | None, concurrent: int | None) -> Limits | None:
        """Return a key's own limits: its workspace's where none is given, none at all where none is."""
        if requests is None and tokens is None and concurrent is None:
            return None
        return Limits.of(
            requests or self.requests_per_minute,
            tokens or self.tokens_per_minute,
            concurrent or self.concurrent_requests,
        )

    def share(self, processes: int) -> Limits:
        """Return what one of so many processes may give away on its own; never nothing."""
        each = (self.requests_per_minute, self.tokens_per_minute, self.concurrent_requests)
        return Limits.of(*(max(limit // processes, 1) for limit in each))


UNTIERED = Limits.of(60, 300_000, 8)  # of a workspace that has no tier


@dataclass(frozen=True, slots=True)
class Holder:
    """A workspace or one of its keys, with its limits. `name` is unique in the workspace; a workspace's is empty."""

    name: str
    limits: Limits

    @property
    def words(self) -> str:
        return "this API key" if self.name else "this workspace"


FREE = Wanted(prompt_tokens=0, prompt_nanos=0, token_nanos=0, want=0, least=0)  # of what is not charged


@dataclass(frozen=True, slots=True)
class Asking:
    """One request that wants in: whose, which, its prompt in tokens as far as that is known, what it may cost."""

    workspace_id: UUID
    uid: UUID
    tokens: int
    holders: tuple[Holder, ...]
    purses: tuple[str, ...] = ()
    wanted: Wanted = FREE


@dataclass(frozen=True, slots=True)
class Level:
    """How a holder stands after the request was let in or refused: microseconds until each bucket is full again."""

    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store of limits says. Refused: `kind` and whose it is, and after how many microseconds there is room.

    There is no such time for concurrent requests: 0. Of money it is the purse that gives the least.
    """

    levels: tuple[Level, ...]  # of the asking's holders, in their order
    kind: Kind | None = None
    holder: int = 0
    wait: int = 0
    granted: int = 0  # tokens of an answer, which are held for
    available: tuple[int, ...] = ()  # in each purse, after what was taken


def cost(count: int, per_minute: int) -> int:
    """Return how many microseconds `count` of a minute's limit are worth; rounded down, or the last one never fits."""
    return count * MINUTE // per_minute


def wait_for(level: int, price: int) -> int:
    """Return after how long a bucket that is full in `level` has room for what costs `price`; 0 is now."""
    return max(level + price - MINUTE, 0)


def corrected(level: int, price: int) -> int:
    """Return the level after what was taken turned out to be `price` more, or less."""
    return min(max(level + price, 0), max(FULLEST_DEBT, level))


def remaining(level: int, per_minute: int) -> int:
    return max((MINUTE - level) * per_minute // MINUTE, 0)


def duration(microseconds: int) -> str:
    """Spell a duration as Go does, in milliseconds at the finest: `6m0s`, `8.64s`, `12ms`, `0s`."""
    milliseconds = -(-microseconds // 1000)
    if milliseconds < 1000:  # noqa: PLR2004 - of a second
        return f"{milliseconds}ms" if milliseconds else "0s"
    seconds, milliseconds = divmod(milliseconds, 1000)
    hours = minutes = 0
    if seconds >= 60:  # noqa: PLR2004 - of a minute
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
    told = f"{seconds}.{milliseconds:03}".rstrip("0") + "s" if milliseconds else f"{seconds}s"
    if hours or minutes:
        told = f"{minutes}m{told}"
    return f"{hours}h{told}" if hours else told


def headers(holders: Sequence[Holder], levels: Sequence[Level]) -> Headers:
    """Return `x-ratelimit-*`: of each kind the limit that is nearest, by what is left of it."""
    first, level = holders[0].limits, levels[0]
    requests = _left(first.requests_per_minute, level.requests)
    tokens = _left(first.tokens_per_minute, level.tokens)
    for holder, level in zip(holders[1:], levels[1:], strict=True):  # most requests have none more
        requests = min(requests, _left(holder.limits.requests_per_minute, level.requests))
        tokens = min(tokens, _left(holder.limits.tokens_per_minute, level.tokens))
    return [
        (b"x-ratelimit-limit-requests", b"%d" % requests[1]),
        (b"x-ratelimit-remaining-requests", b"%d" % requests[0]),
        (b"x-ratelimit-reset-requests", duration(requests[2]).encode()),
        (b"x-ratelimit-limit-tokens", b"%d" % tokens[1]),
        (b"x-ratelimit-remaining-tokens", b"%d" % tokens[0]),
        (b"x-ratelimit-reset-tokens", duration(tokens[2]).encode()),
    ]


def _left(per_minute: int, level: int) -> tuple[int, int, int]:
    return remaining(level, per_minute), per_minute, level
