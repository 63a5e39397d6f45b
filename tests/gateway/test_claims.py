"""Of a request and its retries one runs, whoever can be asked about them and whoever cannot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from gateway.claims import BEAT_SECONDS, MOST_RENEWED, Claim, Claims
from gateway.idempotency import KEPT_MS, LEASE_MS, Done, Running
from gateway.retry_errors import AlreadyCompleted, InProgress
from gateway.stores.memory import MemoryCharged, MemoryClaims
from gateway.usage import CHARGED, Outcome
from tests.fakes.clock import START_MS, LoopClock, skipping
from tests.gateway.claims import IDENTITIES, PRICE, asked, charged
from tests.gateway.records import make_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.idempotency import Identity
    from gateway.usage import RequestRecord

COST = 6 * 900 + 4 * 180 + 3 * 3900  # of `make_record`'s tokens


@dataclass
class Processes:
    """Two processes, with the stores they share."""

    one: Claims
    other: Claims
    store: MemoryClaims
    ledger: MemoryCharged


def run(work: Callable[[Processes], Awaitable[None]]) -> None:
    async def main() -> None:
        clock = LoopClock()
        store, ledger = MemoryClaims(clock, LEASE_MS), MemoryCharged()
        one, other = (Claims(IDENTITIES, store, ledger, clock, lambda: 0.0) for _ in range(2))
        await work(Processes(one, other, store, ledger))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    skipping(main())


def ended(one: Identity, outcome: Outcome = Outcome.COMPLETED) -> RequestRecord:
    return replace(make_record(1), uid=one.uid, outcome=outcome, digests=one.digests)


async def complete(claim: Claim, one: Identity, outcome: Outcome = Outcome.COMPLETED) -> None:
    async with claim:
        claim.settled(ended(one, outcome))
        await claim.told()


def test_without_an_id_of_its_own_a_request_asks_nobody() -> None:
    async def work(at: Processes) -> None:
        async with await at.one.claim(None, PRICE) as claim:
            assert claim.digests == ()
            claim.settled(make_record(1))
            await claim.told()
        assert (at.store.calls, at.ledger.calls) == (0, 0)

    run(work)


@pytest.mark.parametrize("where", ["one", "other"])
def test_while_it_runs_its_retry_is_told_to_wait(where: str) -> None:
    async def work(at: Processes) -> None:
        async with await at.one.claim(asked(1), PRICE) as claim:
            assert claim.digests == asked(1).digests
            with pytest.raises(InProgress):
                await getattr(at, where).claim(asked(2), PRICE)
            with pytest.raises(InProgress):  # nor did the refusal free it
                await at.other.claim(asked(3), PRICE)
        await at.one.close()

    run(work)


@pytest.mark.parametrize("where", ["one", "other"])
@pytest.mark.parametrize("outcome", sorted(CHARGED))
def test_once_it_is_charged_its_retry_is_told_so(where: str, outcome: Outcome) -> None:
    async def work(at: Processes) -> None:
        await complete(await at.one.claim(asked(1), PRICE), asked(1), outcome)
        with pytest.raises(AlreadyCompleted) as caught:
            await getattr(at, where).claim(asked(2), PRICE)
        assert f"{COST / 1e9:.9f}".rstrip("0") in caught.value.message
        await at.one.close()
        await at.other.close()

    run(work)


@pytest.mark.parametrize("where", ["one", "other"])
@pytest.mark.parametrize("outcome", sorted(set(Outcome) - CHARGED))
def test_what_was_free_runs_again(where: str, outcome: Outcome) -> None:
    async def work(at: Processes) -> None:
        await complete(await at.one.claim(asked(1), PRICE), asked(1), outcome)
        async with await getattr(at, where).claim(asked(2), PRICE) as claim:
            claim.settled(ended(asked(2)))
        await at.one.close()
        await at.other.close()
        known, _ = at.store.known[asked(1).names[0]]
        assert known == Done(asked(2).uid, asked(2).digests[0], make_record(1).tokens, COST)

    run(work)


def test_a_block_that_ends_without_a_word_of_it_frees_the_claim() -> None:
    async def work(at: Processes) -> None:
        with pytest.raises(RuntimeError):
            async with await at.one.claim(asked(1), PRICE):
                raise RuntimeError
        await at.one.close()
        assert at.store.known == {}

    run(work)


def test_a_claim_that_is_cancelled_while_it_is_made_is_freed() -> None:
    async def work(at: Processes) -> None:
        started = asyncio.Event()
        claim = at.store.claim

        async def slow(one: Identity) -> object:
            answer = await claim(one)
            started.set()
            await asyncio.sleep(1)
            return answer

        at.store.claim = slow  # type: ignore[method-assign,assignment]
        async with asyncio.TaskGroup() as group:
            making = group.create_task(at.one.claim(asked(1), PRICE))
            await started.wait()
            assert at.store.known
            making.cancel()
        await at.one.close()
        assert at.store.known == {}

    run(work)


def test_of_a_hundred_at_once_in_two_processes_one_runs() -> None:
    async def work(at: Processes) -> None:
        tries = [(at.one, at.other)[number % 2].claim(asked(number), PRICE) for number in range(1, 101)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        claims = [answer for answer in answers if isinstance(answer, Claim)]
        assert len(claims) == 1
        assert sum(isinstance(answer, InProgress) for answer in answers) == 99
        claims[0].end(None)
        await at.one.close()
        await at.other.close()

    run(work)


def test_the_ledger_is_asked_only_where_the_claims_may_have_lost_something() -> None:
    async def work(at: Processes) -> None:
        at.ledger.charged_at[asked(1).digests[0]] = charged(asked(1)), START_MS
        async with await at.one.claim(asked(2), PRICE):
            assert at.ledger.calls == 0
        await at.one.close()
        at.store.whole = False
        with pytest.raises(AlreadyCompleted):
            await at.one.claim(asked(3), PRICE)
        at.store.whole, at.store.away = True, True
        with pytest.raises(AlreadyCompleted):
            await at.one.claim(asked(4), PRICE)
        assert at.ledger.calls == 2
        await at.one.close()

    run(work)


def test_who_finds_it_charged_in_the_ledger_holds_no_claim() -> None:
    async def work(at: Processes) -> None:
        at.ledger.charged_at[asked(1).digests[0]] = charged(asked(1)), START_MS
        at.store.whole = False
        with pytest.raises(AlreadyCompleted):
            await at.one.claim(asked(2), PRICE)
        await at.one.close()
        assert at.store.known == {}

    run(work)


def test_what_was_charged_more_than_a_day_ago_is_no_retry() -> None:
    async def work(at: Processes) -> None:
        at.store.away = True
        at.ledger.charged_at[asked(1).digests[0]] = charged(asked(1)), START_MS - KEPT_MS
        async with await at.one.claim(asked(2), PRICE):
            pass
        await at.one.close()

    run(work)


def test_where_nobody_can_be_asked_each_process_runs_one() -> None:
    async def work(at: Processes) -> None:
        at.store.away = at.ledger.away = True
        async with await at.one.claim(asked(1), PRICE), await at.other.claim(asked(2), PRICE):
            with pytest.raises(InProgress):
                await at.one.claim(asked(3), PRICE)
        await at.one.close()
        await at.other.close()

    run(work)


def test_a_claim_of_a_dead_process_ends_with_its_lease() -> None:
    async def work(at: Processes) -> None:
        await at.one.claim(asked(1), PRICE)  # and is never heard of again
        await asyncio.sleep(LEASE_MS / 1000 - 1)
        with pytest.raises(InProgress):
            await at.other.claim(asked(2), PRICE)
        await asyncio.sleep(1)
        (await at.other.claim(asked(3), PRICE)).end(None)
        await at.other.close()

    run(work)


def test_what_runs_long_stays_claimed_also_when_its_claim_was_lost() -> None:
    async def work(at: Processes) -> None:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(at.one.keep())
            async with await at.one.claim(asked(1), PRICE):
                await asyncio.sleep(3 * LEASE_MS / 1000)
                at.store.known.clear()
                await asyncio.sleep(BEAT_SECONDS)
                with pytest.raises(InProgress):
                    await at.other.claim(asked(2), PRICE)
            keeping.cancel()
        await at.one.close()
        await at.other.close()

    run(work)


def test_an_end_that_could_not_be_told_is_told_when_it_can_be() -> None:
    async def work(at: Processes) -> None:
        at.store.away = True
        await complete(await at.one.claim(asked(1), PRICE), asked(1))
        await at.one.beat()
        assert at.store.known == {}
        at.store.away = False
        await at.one.beat()
        with pytest.raises(AlreadyCompleted):
            await at.other.claim(asked(2), PRICE)
        calls = at.store.calls
        await at.one.beat()
        assert at.store.calls == calls
        await at.other.close()

    run(work)


def test_very_many_are_renewed_and_what_ended_meanwhile_is_not() -> None:
    async def work(at: Processes) -> None:
        many = [asked(number, name=f"trace-{number}") for number in range(1, 2 * MOST_RENEWED + 2)]
        claims = [await at.one.claim(one, PRICE) for one in many]
        at.store.known.clear()
        renew = at.store.renew

        async def renewing(some: list[Identity]) -> None:
            await renew(some)
            claims[-1].end(None)
            await claims[-1].told()

        at.store.renew = renewing  # type: ignore[method-assign,assignment]
        await at.one.beat()
        held = {known for known, _ in at.store.known.values()}
        assert held == {Running(one.uid, one.digests[0]) for one in many[:-1]}

    run(work)
