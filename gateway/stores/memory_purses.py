"""Limits and purses in memory: the twins of those in Redis, and of what Postgres says of money."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.limits import SECOND
from gateway.limits_local import Buckets
from gateway.ports import StoreUnavailable
from gateway.purse_ports import AnotherLife, Reading
from gateway.purses import Wallet, balance_key, budget_key, day_of, starts_on, told_left

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from gateway.holds import Holds
    from gateway.limits import Answer, Asking
    from gateway.ports import Clock
    from gateway.purse_ports import Refreshed, Refreshing
    from gateway.purses import Budget
    from gateway.purses_local import Purses


class MemoryPurses:
    """A `PurseStore` of one process; `purses` are all processes'. `away` makes it unreachable, `deaf` loses replies."""

    def __init__(self, purses: Purses, writer: str, holds: Holds) -> None:
        self.purses = purses
        self.writer = writer
        self.away = False
        self.deaf = False
        self.generation = 0
        self.epoch = -1
        self._holds = holds
        self._lost = True

    @property
    def joined(self) -> bool:
        return not self._lost and not self.away

    def lose(self) -> None:
        self._lost = True

    async def rejoin(self) -> None:
        self._lost = True
        self.meet()

    def meet(self) -> None:
        """Reach it, and tell everything where that is not known."""
        if self.away:
            self._lost = True
            raise StoreUnavailable
        if self._lost:
            self.epoch = self.purses.tell(self.writer, self._holds.numbers())
            self.generation += 1
            self._lost = False

    def heard(self) -> None:
        """Have its reply, unless that is lost."""
        if self.deaf:
            self._lost = True
            raise StoreUnavailable

    async def refresh(self, refreshing: Refreshing, heard: Callable[[Refreshed], None]) -> Refreshed:
        self.meet()
        if self.epoch != self.purses.epoch:
            self._lost = True
            raise AnotherLife
        refreshed = self.purses.refresh(self.writer, refreshing)
        self.heard()
        heard(refreshed)
        return refreshed


class MemoryBooks:
    """The `Books` of what is put into it: `left` by the purse's key, and what is recorded."""

    def __init__(self) -> None:
        self.away = False
        self.wallets: dict[UUID, Wallet] = {}
        self.recorded: set[UUID] = set()
        self.writers: set[str] = set()
        self.buried: set[str] = set()

    def put(self, workspace_id: UUID, nanos: int, budgets: dict[Budget, int] | None = None, at_ms: int = 0) -> None:
        """Let a workspace have so much, and so much be left of its budgets."""
        before = self.wallets.get(workspace_id)
        left = {balance_key(workspace_id): told_left(nanos)}
        for budget, rest in (budgets or {}).items():
            left[budget_key(workspace_id, budget, starts_on(budget.period, day_of(at_ms)))] = told_left(rest)
        version = before.version + 1 if before is not None else 1
        self.wallets[workspace_id] = Wallet(workspace_id, version, left, tuple(budgets or ()))

    async def register(self, writer: str) -> None:
        if self.away:
            raise StoreUnavailable
        self.writers.add(writer)

    async def read(
        self,
        workspaces: Collection[UUID],
        uids: Sequence[UUID],
        strangers: Collection[str],
        at_ms: int,  # noqa: ARG002 - the port's
    ) -> Reading:
        if self.away:
            raise StoreUnavailable
        wallets = {each: self.wallets.get(each, Wallet(each, 0, {balance_key(each): 0}, ())) for each in workspaces}
        live = tuple(self.writers - self.buried)
        return Reading(wallets, frozenset(self.recorded & {*uids}), live, tuple({*strangers} - {*live}))


class MemoryLimits:
    """A `LimitStore` for tests of one process. `away` makes it unreachable; `lease` is in microseconds."""

    def __init__(self, clock: Clock, purses: MemoryPurses, *, lease: int = 30 * SECOND) -> None:
        self._clock = clock
        self._purses = purses
        self._buckets = Buckets(lease)

    @property
    def away(self) -> bool:
        return self._purses.away

    @away.setter
    def away(self, away: bool) -> None:
        self._purses.away = away

    async def take(self, asking: Asking, held: Callable[[int], None]) -> Answer:
        self._purses.meet()
        answer = take(self._buckets, self._purses.purses, asking, self._now(), self._purses.writer, self._purses.epoch)
        self._purses.heard()
        if answer.kind is None:
            held(answer.granted)
        return answer

    def end(self, asking: Asking, tokens: int, freed: int = 0) -> None:
        if not self.away:
            self._buckets.end(asking, tokens, self._now())
            if freed:
                self._purses.purses.release(asking.purses, self._purses.writer, freed, self._purses.epoch)

    async def renew(self, running: Sequence[Asking]) -> int:
        if self.away:
            raise StoreUnavailable
        for asking in running:
            self._buckets.renew(asking, self._now())
        return 1

    def _now(self) -> int:
        return int(self._clock.seconds() * SECOND)


def take(buckets: Buckets, purses: Purses, asking: Asking, now: int, writer: str, epoch: int) -> Answer:
    """Take of all limits and all purses, or of none, as Redis does in one step."""
    kind, poorest, tokens, free = purses.look(asking.purses, asking.wanted, epoch)
    if kind is None:
        answer = buckets.take(asking, now)
        if answer.kind is None:
            free = purses.hold(asking.purses, writer, asking.wanted.nanos(tokens))
        return replace(answer, granted=tokens, available=free)
    refused = buckets.look(asking, now)
    return refused if refused.kind is not None else replace(refused, kind=kind, holder=poorest, available=free)
