"""The customer's money: purses that Redis keeps and loses, and books that are some tenths of a second behind.

What a process that died held stays held until the shipper has buried it.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING
from uuid import UUID

from gateway.holds import Holds
from gateway.ports import StoreUnavailable
from gateway.purses_local import Purses
from gateway.stores.memory_purses import MemoryBooks, MemoryPurses
from gateway.stores.redis import PATIENCE
from gateway.usage import CHARGED
from tests.fakes.purses import PRICE
from tests.simulation.dice import dice

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.purse_ports import Refreshed, Refreshing
    from gateway.usage import RequestRecord
    from tests.simulation.processes import Process
    from tests.simulation.world import World

WORKSPACE = UUID(int=2)
PLENTY = 10**12
SHIPPED_WITHIN, BURIED_AFTER = 1.5, 3.0  # seconds
BEYOND = 4  # a cap's part that may be passed, where Redis was away


def cap_of(seed: int) -> int:
    """Draw what the customer has; mostly more than it can spend."""
    throw = dice(seed, "purse")
    return PLENTY if throw.chance(0.7) else throw.choice((0, 500_000, 5_000_000, 200_000_000))


class Money:
    """All processes' purses and books."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._throw = dice(world.seed, "shipper")
        self.cap = world.plan.cap
        self.spent = 0
        self.purses = Purses()
        self.books = MemoryBooks()
        self.books.put(WORKSPACE, self.cap)
        self.all: list[SimulatedPurses] = []

    def settled(self, record: RequestRecord) -> None:
        """Ship a record a little later."""
        self._world.loop.call_later(self._throw.uniform(0.05, SHIPPED_WITHIN), self._ship, record)
        self.spent += _cost(record)

    def ended(self, purses: SimulatedPurses) -> None:
        self._world.loop.call_later(BURIED_AFTER, self.books.buried.add, purses.writer)

    def _ship(self, record: RequestRecord) -> None:
        self.books.recorded.add(record.uid)
        balance = next(iter(self.books.wallets[WORKSPACE].left.values()))
        self.books.put(WORKSPACE, balance - _cost(record))


def _cost(record: RequestRecord) -> int:
    return PRICE.nanos(record.tokens) if record.outcome in CHARGED else 0


class SimulatedPurses(MemoryPurses):
    """One process's `PurseStore`: away, slow and emptied with all else that is in Redis."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.world = process.world
        self.mine = Holds()
        super().__init__(self.world.money.purses, f"{process.number}-{self.world.now()}", self.mine)
        self.world.money.all.append(self)

    def meet(self) -> None:
        self.away = self.world.meeting.away or self.process.dead
        super().meet()

    async def refresh(self, refreshing: Refreshing, heard: Callable[[Refreshed], None]) -> Refreshed:
        late: list[Refreshed] = []
        refreshed = await super().refresh(refreshing, late.append)
        await self.in_time()
        heard(refreshed)
        return refreshed

    async def in_time(self) -> None:
        """Return when the reply is there; what was told anew meanwhile knows nothing of it."""
        generation = self.generation
        try:
            await self.world.meeting.in_time(PATIENCE)
        except StoreUnavailable:
            self.lose()
            raise
        if generation != self.generation or not self.joined:
            self.lose()
            raise StoreUnavailable


def of_a_refusal(world: World, code: str, serial: int) -> None:
    if code in ("insufficient_quota", "budget_exceeded") and world.plan.cap == PLENTY:
        world.broken("purses", "a request is refused for money, and there is plenty", serial)


def of_the_world(world: World) -> None:
    """Check that no cap is passed, that nothing is held by what has ended, and that no process forgets a number."""
    money, ill = world.money, world.meeting.ill_until > -inf
    most = money.cap + (money.cap // BEYOND if ill else 0)
    if money.spent > most:
        world.broken("purses", f"{money.spent} is spent of {money.cap}")
    for purses in money.all:
        if purses.process.dead:
            continue
        if len(purses.mine):
            world.broken("purses", f"process {purses.process.number} holds for {len(purses.mine)} that ended")
