from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from gateway.admission import Admission
from gateway.errors import InsufficientQuota, Overloaded, RateLimitExceeded, TokenRateLimitExceeded
from gateway.limits import FREE, Limits
from gateway.ports import Principal
from gateway.purses import Wanted
from tests.fakes.clock import HandClock
from tests.fakes.purses import Purse, asked
from tests.gateway.conftest import make_world

if TYPE_CHECKING:
    from gateway.errors import ApiError, Headers

OWNER = Principal(key_id=UUID(int=2), workspace_id=UUID(int=1), expires_at_ms=None, limits=Limits.of(6, 600, 3))


class World:
    def __init__(self, owner: Principal = OWNER, draw: float = 0.0) -> None:
        self.clock = HandClock()
        self.owner = owner
        self.purse = Purse.of(self.clock)
        self.admission = Admission(10, self.purse.limiter, lambda: draw)
        self.wanted = FREE
        self._uids = 0

    async def ask(self, *, tokens: int = 0) -> dict[str, str]:
        """Ask once, use nothing, and return the permit's headers."""
        self._uids += 1
        headers: Headers = []
        async with self.admission.permit(
            asked(self.owner, self._uids, 4 * tokens, self.wanted), headers.extend
        ) as permit:
            permit.tokens = tokens
            return {name.decode(): value.decode() for name, value in headers}

    async def refused(self, *, tokens: int = 0) -> ApiError:
        with pytest.raises((RateLimitExceeded, InsufficientQuota, Overloaded)) as caught:
            await self.ask(tokens=tokens)
        return caught.value


def told(error: ApiError) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in error.headers}


@pytest.mark.conformance(133)
async def test_a_permit_tells_the_limits_and_what_is_left() -> None:
    assert await World().ask(tokens=60) == {
        "x-ratelimit-limit-requests": "6",
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-requests": "10s",
        "x-ratelimit-limit-tokens": "600",
        "x-ratelimit-remaining-tokens": "540",
        "x-ratelimit-reset-tokens": "6s",
        "x-pylo-max-cost": "0",
        "x-pylo-balance": "0",
    }


@pytest.mark.conformance(130)
async def test_one_request_too_many_is_told_how_long_to_wait() -> None:
    world = World()
    for _ in range(6):
        await world.ask()
    world.clock.advance(2.5)
    error = await world.refused()
    assert (error.status, error.type, error.code) == (429, "requests", "rate_limit_exceeded")
    assert error.message == (
        "Rate limit reached for this workspace on requests per minute (limit 6). Please try again in 7.5s."
    )
    headers = told(error)
    assert (headers["retry-after"], headers["retry-after-ms"], headers["x-should-retry"]) == ("8", "8000", "true")
    assert headers["x-ratelimit-remaining-requests"] == "0"
    world.clock.advance(7.5)
    await world.ask()


@pytest.mark.conformance(130)
async def test_too_many_tokens_are_a_kind_of_their_own() -> None:
    world = World()
    await world.ask(tokens=590)
    error = await world.refused(tokens=100)
    assert (error.status, error.type, error.code) == (429, "tokens", "rate_limit_exceeded")
    assert isinstance(error, TokenRateLimitExceeded)
    assert told(error)["retry-after"] == "9"


@pytest.mark.conformance(131)
async def test_a_wait_of_a_minute_and_more_is_no_retry() -> None:
    world = World()
    await world.ask(tokens=600)
    async with world.admission.permit(asked(OWNER, 99), list) as permit:
        permit.tokens = 500  # an answer that long
    error = await world.refused(tokens=200)
    assert "try again in 1m10s" in error.message
    assert (told(error)["retry-after"], told(error)["x-should-retry"]) == ("59", "false")


async def test_a_request_that_never_fits_says_so_and_takes_nothing() -> None:
    world = World()
    error = await world.refused(tokens=601)
    assert (error.status, error.type) == (429, "tokens")
    assert "too large" in error.message
    assert told(error) == {"x-should-retry": "false"}
    assert (await world.ask())["x-ratelimit-remaining-requests"] == "5"


@pytest.mark.conformance(134)
async def test_waits_differ_and_never_downward() -> None:
    waits = []
    for draw in (0.0, 0.5, 0.999):
        world = World(draw=draw)
        await world.ask(tokens=600)
        waits.append(told(await world.refused(tokens=400))["retry-after"])
    assert waits == ["40", "45", "50"]


async def test_jitter_makes_no_wait_one_that_clients_give_up_on() -> None:
    world = World(draw=0.999)
    await world.ask(tokens=600)
    error = await world.refused(tokens=590)
    assert (told(error)["retry-after"], told(error)["x-should-retry"]) == ("59", "true")


async def test_so_many_at_once_and_no_more() -> None:
    world = World()
    one, two, three = (world.admission.permit(asked(OWNER, n), list) for n in (51, 52, 53))
    async with one, two:
        async with three:
            error = await world.refused()
            assert (error.status, error.type, told(error)["retry-after"]) == (429, "requests", "1")
            assert "3 of this workspace are running" in error.message
        await world.ask()


async def test_a_key_with_lower_limits_is_told_of_its_own() -> None:
    world = World(replace(OWNER, key_limits=Limits.of(1, 600, 3)))
    assert (await world.ask())["x-ratelimit-limit-requests"] == "1"
    assert "Rate limit reached for this API key" in (await world.refused()).message


async def test_a_full_process_takes_nothing_of_a_limit() -> None:
    world = World()
    world.admission.in_flight = 10
    busy = await world.refused()
    assert (type(busy), busy.shed) == (Overloaded, "in_flight")
    world.admission.in_flight = 0
    assert (await world.ask())["x-ratelimit-remaining-requests"] == "5"


async def test_no_money_takes_nothing_of_a_limit() -> None:
    world = World()
    world.wanted = Wanted(prompt_tokens=1, prompt_nanos=900, token_nanos=3900, want=64, least=64)
    assert isinstance(await world.refused(), InsufficientQuota)
    world.wanted = FREE
    assert (await world.ask())["x-ratelimit-remaining-requests"] == "5"


@pytest.mark.conformance(133)
async def test_limits_are_on_answers_and_on_errors_and_a_refusal_is_in_no_journal() -> None:
    world = make_world(allowed=Limits.of(2, 100_000, 8))
    answers = [await world.chat(), await world.chat(stream=True), await world.chat()]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
    assert len(world.journal.admitted) == len(world.journal.settled) == 2
    assert len(world.transport.calls) == 2


@pytest.mark.conformance(141)
async def test_one_tenants_burst_does_not_slow_another() -> None:
    world = World()
    for _ in range(6):
        await world.ask()
    await world.refused()
    world.owner = replace(OWNER, workspace_id=UUID(int=77))
    assert (await world.ask())["x-ratelimit-remaining-requests"] == "5"
