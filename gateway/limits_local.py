"""Limits as one process keeps them: the twin of those in Redis, and their stand-in. Pure: `now` comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.limits import Answer, Kind, Level, corrected, cost, wait_for

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.limits import Asking, Holder

MOST_HOLDERS = 10_000  # then those that are full are forgotten


@dataclass(slots=True)
class _Held:
    """The moments, in microseconds, at which the buckets are full; who runs, until when."""

    requests: int = 0
    tokens: int = 0
    running: dict[UUID, int] = field(default_factory=dict)

    def level(self, now: int) -> Level:
        return Level(max(self.requests - now, 0), max(self.tokens - now, 0))

    def idle(self, now: int) -> bool:
        return not self.running and self.requests <= now and self.tokens <= now


class Buckets:
    """A `gateway.ports.LimitStore` without the waiting. All numbers are microseconds."""

    def __init__(self, lease: int) -> None:
        self._lease = lease
        self._held: dict[tuple[UUID, str], _Held] = {}

    def take(self, asking: Asking, now: int) -> Answer:
        """Take of all the request's limits, or of none."""
        answer = self.look(asking, now)
        if answer.kind is not None:
            return answer
        held = [self._of(asking, holder, now) for holder in asking.holders]
        for one, holder in zip(held, asking.holders, strict=True):
            one.requests = max(one.requests, now) + cost(1, holder.limits.requests_per_minute)
            one.tokens = max(one.tokens, now) + cost(asking.tokens, holder.limits.tokens_per_minute)
            one.running[asking.uid] = now + self._lease
        return Answer(tuple(one.level(now) for one in held))

    def look(self, asking: Asking, now: int) -> Answer:
        """Return whether there is room in all of them."""
        held = [self._of(asking, holder, now) for holder in asking.holders]
        kind, worst, wait = None, 0, 0
        for index, (one, holder) in enumerate(zip(held, asking.holders, strict=True)):
            level, limits = one.level(now), holder.limits
            waits = (
                (wait_for(level.requests, cost(1, limits.requests_per_minute)), Kind.REQUESTS),
                (wait_for(level.tokens, cost(asking.tokens, limits.tokens_per_minute)), Kind.TOKENS),
            )
            for after, of in waits:
                if after > wait:
                    kind, worst, wait = of, index, after
            if kind is None and self._running(one, now) >= limits.concurrent_requests:
                kind, worst = Kind.CONCURRENT, index
        return Answer(tuple(one.level(now) for one in held), kind, worst, wait)

    def end(self, asking: Asking, tokens: int, now: int) -> None:
        """Give the places back, and count `tokens` in the place of what was asked; once, and only what was let in."""
        for holder in asking.holders:
            one = self._of(asking, holder, now)
            if one.running.pop(asking.uid, None) is not None:
                price = cost(tokens, holder.limits.tokens_per_minute)
                price -= cost(asking.tokens, holder.limits.tokens_per_minute)
                one.tokens = now + corrected(one.level(now).tokens, price)

    def renew(self, asking: Asking, now: int) -> None:
        for holder in asking.holders:
            self._of(asking, holder, now).running[asking.uid] = now + self._lease

    def _of(self, asking: Asking, holder: Holder, now: int) -> _Held:
        name = (asking.workspace_id, holder.name)
        if name not in self._held:
            if len(self._held) >= MOST_HOLDERS:
                self._held = {each: one for each, one in self._held.items() if not one.idle(now)}
            self._held[name] = _Held()
        return self._held[name]

    def _running(self, one: _Held, now: int) -> int:
        for uid in [uid for uid, until in one.running.items() if until <= now]:
            del one.running[uid]
        return len(one.running)
