"""Bugs between processes, planted as in `plants`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.claims import Claims
from gateway.fleet import Fleet
from gateway.limiter import Limiter
from gateway.orders import Drains
from tests.simulation.plants import planted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from gateway.claims import Claim
    from gateway.limits import Asking


def probes_without_leave() -> AbstractContextManager[None]:
    def bug(_: Any) -> object:
        async def lease_probes(self: Fleet) -> None:
            self._go_alone(self._clock.seconds())

        return lease_probes

    return planted(Fleet, "_lease_probes", bug)


def leave_that_is_never_asked_for() -> AbstractContextManager[None]:
    def bug(_: Any) -> object:
        async def lease_probes(self: Fleet) -> None:
            """Wait for others to find out."""

        return lease_probes

    return planted(Fleet, "_lease_probes", bug)


def a_loop_that_ends() -> AbstractContextManager[None]:
    def bug(_: Any) -> object:
        async def run(self: Fleet) -> None:
            await self.tick()

        return run

    return planted(Fleet, "run", bug)


def a_drain_that_is_not_lifted() -> AbstractContextManager[None]:
    def bug(sound: Any) -> object:
        async def look(self: Drains) -> None:
            before = self._drained
            await sound(self)
            for name in before:
                self._routing.drain(name)

        return look

    return planted(Drains, "look", bug)


def orders_that_nobody_reads() -> AbstractContextManager[None]:
    def bug(_: Any) -> object:
        async def look(self: Drains) -> None:
            """Believe that all is as it was."""

        return look

    return planted(Drains, "look", bug)


def requests_that_wait_for_a_store() -> AbstractContextManager[None]:
    def bug(sound: Any) -> object:
        async def claim(self: Claims, *asked: Any) -> Claim:
            await asyncio.sleep(0.05)
            claim: Claim = await sound(self, *asked)
            return claim

        return claim

    return planted(Claims, "claim", bug)


def a_place_of_a_limit_that_is_not_given_back() -> AbstractContextManager[None]:
    def bug(_: Any) -> object:
        def end(self: Limiter, asking: Asking, tokens: int, cost: int = 0) -> None:
            self.wallets.settle(asking, cost)
            self._running.pop(asking.uid, None)  # its lease ends by itself, doesn't it

        return end

    return planted(Limiter, "end", bug)


def limits_that_each_process_has_for_itself() -> AbstractContextManager[None]:
    def bug(_: Any) -> object:
        async def take(self: Limiter, asking: Asking) -> Any:
            self.wallets.hold(asking, asking.wanted.want)
            return replace(self._own.take(asking, self._now()), granted=asking.wanted.want)

        return take

    return planted(Limiter, "take", bug)
