"""Whatever several processes do, lose and survive: no cap is passed, and in the end nothing is held."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.limits import Asking, Holder, Kind, Limits
from gateway.purses import Budget, Wanted
from gateway.purses_local import Purses
from gateway.stores.memory_purses import MemoryBooks
from tests.fakes.clock import HandClock
from tests.fakes.purses import Purse, settled

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.limits import Answer

T = TypeVar("T")

WORKSPACE, KEY = UUID(int=7), UUID(int=8)
HOLDERS = (Holder("", Limits.of(10**6, 10**9, 10**6)),)
TOKEN = 10_000_000  # an escrow of a few is worth keeping
OF_THE_KEY = Budget(KEY, "day", 150 * TOKEN)
PROCESSES = st.integers(0, 2)


class Fleet(RuleBasedStateMachine):
    """Three processes, a Redis that forgets, and a ledger that is behind. The reference is what is spent."""

    def __init__(self) -> None:
        super().__init__()
        self.loop: asyncio.AbstractEventLoop | None = None  # made by the first who needs it: some machines never run
        self.clock = HandClock()
        self.purses, self.books = Purses(), MemoryBooks()
        self.credit, self.spent, self.shipped = 120 * TOKEN, 0, 0
        self.started = self.uids = 0
        self.unshipped: list[tuple[UUID, int]] = []
        self.running: list[tuple[Purse, Asking]] = []
        self.beyond = 0  # by how much caps may be passed: what was let in by shares
        self.processes: list[Purse] = []

    @initialize()
    def begin(self) -> None:
        self.post()
        self.processes = [self.start() for _ in range(3)]

    def start(self) -> Purse:
        self.started += 1
        name = f"process {self.started}"
        made = Purse.of(self.clock, writer=name, purses=self.purses, books=self.books, processes=3)
        self.run(made.books.register(name))
        made.store.meet()
        return made

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def main() -> T:
            result = await work
            await settled()
            return result

        self.loop = self.loop or asyncio.new_event_loop()
        return self.loop.run_until_complete(main())

    def post(self) -> None:
        rest = OF_THE_KEY.limit_nanos - self.shipped
        self.books.put(WORKSPACE, self.credit - self.shipped, {OF_THE_KEY: rest})

    def asking(self, process: Purse, tokens: int, prompt: int) -> Asking:
        self.uids += 1
        wallet = self.run(process.wallets.of(WORKSPACE))
        purses = tuple(purse.key for purse in wallet.purses(KEY, 0))
        wanted = Wanted(prompt, prompt * TOKEN, TOKEN, tokens, min(tokens, 2))
        return Asking(WORKSPACE, UUID(int=self.uids), 0, HOLDERS, purses, wanted)

    @rule(index=PROCESSES, tokens=st.integers(1, 60), prompt=st.integers(0, 20))
    def take(self, index: int, tokens: int, prompt: int) -> None:
        process = self.processes[index]
        asking = self.asking(process, tokens, prompt)
        answer = self.run(process.limiter.take(asking))
        if answer.kind is None:
            self.running.append((process, asking))
            assert 0 < answer.granted <= tokens

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 10**6), share=st.floats(0, 1))
    def end(self, which: int, share: float) -> None:
        process, asking = self.running.pop(which % len(self.running))
        held = process.holds._running[asking.uid].nanos
        cost = int(held * share) // TOKEN * TOKEN
        process.limiter.end(asking, 0, cost)
        self.spent += cost
        self.unshipped.append((asking.uid, cost))

    @precondition(lambda self: self.unshipped)
    @rule(count=st.integers(1, 10))
    def ship(self, count: int) -> None:
        for uid, cost in self.unshipped[:count]:
            self.books.recorded.add(uid)
            self.shipped += cost
        del self.unshipped[:count]
        self.post()

    @rule(index=PROCESSES)
    def refresh(self, index: int) -> None:
        async def look() -> None:
            self.processes[index].wallets._ask(WORKSPACE)

        self.clock.advance(1.0)
        self.run(look())

    @rule()
    def flush(self) -> None:
        self.purses.flush()

    @rule(index=PROCESSES, deaf=st.booleans())
    def lose_a_reply(self, index: int, *, deaf: bool) -> None:
        """What is asked of Redis is done there, and nobody hears of it."""
        self.processes[index].store.deaf = deaf

    @precondition(lambda self: self.started < 8)
    @rule(index=PROCESSES)
    def die(self, index: int) -> None:
        """A process takes its memory along; what it had admitted is free, and it is buried when that is recorded."""
        dead = self.processes[index]
        self.running = [each for each in self.running if each[0] is not dead]
        self.ship(len(self.unshipped)) if self.unshipped else None
        self.books.buried.add(dead.store.writer)
        self.processes[index] = self.start()

    @rule(cents=st.integers(1, 30))
    def top_up(self, cents: int) -> None:
        self.credit += cents * TOKEN
        self.post()

    @invariant()
    def no_cap_is_passed(self) -> None:
        held = sum(process.holds._running[asking.uid].nanos for process, asking in self.running)
        assert self.spent + held <= self.credit
        assert self.spent + held <= OF_THE_KEY.limit_nanos

    def let_all_end(self) -> None:
        for index, process in enumerate(self.processes):
            process.store.deaf = False
            self.take(index, 1, 0)  # of a purse that nobody asks for, what the dead held stays
        while self.running:
            self.end(0, 0.5)
        if self.unshipped:
            self.ship(len(self.unshipped))
        for index in (0, 1, 2) * 3:
            self.refresh(index)

    def teardown(self) -> None:
        """Let everything end: then nothing is held but what is at hand, and what is left can be spent."""
        self.let_all_end()
        for process in self.processes:
            own = process.holds.purses(WORKSPACE).values()
            assert [each.number - each.escrow for each in own if each.number != each.escrow] == []
        escrow = sum(own.escrow for process in self.processes for _, own in process.holds.numbers())
        assert self.purses.held == escrow
        self.no_cap_is_passed()
        if self.loop is not None:
            self.loop.close()


Fleet.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestFleet = Fleet.TestCase


def test_rule_23_a_process_that_starts_without_redis_lets_in_a_quarter_of_its_share() -> None:
    async def main() -> list[Answer]:
        purse = Purse.of(HandClock(), processes=2)
        purse.books.put(WORKSPACE, 800 * TOKEN)
        purse.store.away = True
        wallet = await purse.wallets.of(WORKSPACE)
        purses = tuple(each.key for each in wallet.purses(KEY, 0))
        wanted = Wanted(0, 0, TOKEN, 40, 10)
        asked = [Asking(WORKSPACE, UUID(int=n), 0, HOLDERS, purses, wanted) for n in range(4)]
        return [await purse.limiter.take(each) for each in asked]

    answers = asyncio.run(main())
    assert [answer.granted for answer in answers] == [40, 40, 20, 0]
    assert answers[3].kind is Kind.UNMADE


def test_what_was_at_hand_is_not_when_redis_may_have_taken_it_back_unheard() -> None:
    async def main() -> tuple[int, int]:
        purse = Purse.of(HandClock(), processes=1)
        purse.books.put(WORKSPACE, 800 * TOKEN)
        purses = tuple(each.key for each in (await purse.wallets.of(WORKSPACE)).purses(KEY, 0))
        purse.wallets.touch(Asking(WORKSPACE, UUID(int=1), 0, HOLDERS, purses, Wanted(0, 0, TOKEN, 1, 1)))
        await settled()
        had = purse.holds.of(WORKSPACE, purses[0]).escrow
        purse.store.deaf = True
        purse.wallets._ask(WORKSPACE)
        await settled()
        return had, purse.holds.of(WORKSPACE, purses[0]).escrow

    assert asyncio.run(main()) == (200 * TOKEN, 0)


def test_what_was_at_hand_stays_so_when_redis_was_emptied_until_all_have_told() -> None:
    async def main() -> list[int]:
        purse = Purse.of(HandClock(), processes=1)
        purse.books.put(WORKSPACE, 800 * TOKEN)
        purses = tuple(each.key for each in (await purse.wallets.of(WORKSPACE)).purses(KEY, 0))
        purse.wallets.touch(Asking(WORKSPACE, UUID(int=1), 0, HOLDERS, purses, Wanted(0, 0, TOKEN, 1, 1)))
        await settled()
        purse.books.writers.add("a process that has not told")
        purse.store.purses.flush()
        seen = []
        for _ in range(3):
            purse.wallets._ask(WORKSPACE)
            await settled()
            seen.append(purse.holds.of(WORKSPACE, purses[0]).escrow)
        return seen

    assert asyncio.run(main()) == [200 * TOKEN] * 3


def test_a_place_that_is_taken_of_what_is_at_hand_is_told_to_an_emptied_redis_at_once() -> None:
    async def main() -> list[set[UUID]]:
        purse = Purse.of(HandClock(), processes=1)
        purse.books.put(WORKSPACE, 800 * TOKEN)
        purses = tuple(each.key for each in (await purse.wallets.of(WORKSPACE)).purses(KEY, 0))
        asking = Asking(WORKSPACE, UUID(int=1), 0, HOLDERS, purses, Wanted(0, 0, TOKEN, 1, 1))
        purse.wallets.touch(asking)
        await settled()
        purse.books.writers.add("a process that has not told")
        purse.store.purses.flush()
        assert (await purse.limiter.take(asking)).kind is None
        held = [set(one.running) for one in purse.limits._buckets._held.values()]
        purse.limiter.end(asking, 0)
        return held + [set(one.running) for one in purse.limits._buckets._held.values()]

    assert asyncio.run(main()) == [{UUID(int=1)}] * len(HOLDERS) + [set()] * len(HOLDERS)


def test_what_a_dead_process_held_is_free_for_the_first_request_after_its_burial() -> None:
    async def main() -> Kind | None:
        clock, books, purses = HandClock(), MemoryBooks(), Purses()
        dead = Purse.of(clock, writer="dead", purses=purses, books=books)
        books.put(WORKSPACE, 100 * TOKEN)
        keys = tuple(each.key for each in (await dead.wallets.of(WORKSPACE)).purses(KEY, 0))
        wanted = Wanted(0, 0, TOKEN, 60, 60)
        assert (await dead.limiter.take(Asking(WORKSPACE, UUID(int=1), 0, HOLDERS, keys, wanted))).kind is None
        books.buried.add("dead")
        clock.advance(60)
        living = Purse.of(clock, writer="living", purses=purses, books=books)
        await living.wallets.of(WORKSPACE)
        clock.advance(1)
        return (await living.limiter.take(Asking(WORKSPACE, UUID(int=2), 0, HOLDERS, keys, wanted))).kind

    assert asyncio.run(main()) is None


def test_a_process_whose_entry_was_lost_enters_itself_again() -> None:
    """An older copy of the database was put back: without an entry its holds would be taken for those of the dead."""

    async def main() -> set[str]:
        purse = Purse.of(HandClock())
        purse.books.put(WORKSPACE, 800 * TOKEN)
        await purse.wallets.of(WORKSPACE)
        purse.books.writers.clear()
        for _ in range(2):
            purse.wallets._ask(WORKSPACE)
            await settled()
        return purse.books.writers

    assert asyncio.run(main()) == {"one"}


def test_who_never_tells_is_waited_for_some_seconds_and_no_longer() -> None:
    async def main() -> list[Kind | None]:
        clock = HandClock()
        purse = Purse.of(clock, processes=2)
        purse.books.put(WORKSPACE, 800 * TOKEN)
        purse.books.writers.add("a process without Redis")
        purses = tuple(each.key for each in (await purse.wallets.of(WORKSPACE)).purses(KEY, 0))
        kinds = []
        for number in range(3):
            asking = Asking(WORKSPACE, UUID(int=number), 0, HOLDERS, purses, Wanted(0, 0, TOKEN, 1, 1))
            kinds.append((await purse.limiter.take(asking)).kind)
            await settled()
            clock.advance(2.6)
        return kinds

    assert asyncio.run(main()) == [Kind.UNMADE, Kind.UNMADE, None]
