"""A request sent again, over two processes that share Redis and Postgres, with those up, emptied, away and silent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import redis

from gateway.idempotency import LEASE_MS, PREFIX
from gateway.stores.idempotency import MARKER
from tests.fakes.engines import at_port
from tests.fakes.process import free_port
from tests.fakes.proxy import proxied
from tests.wire.asking import COUNT, HAIKU, MODEL, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.stack import Member, Stack

NOBODY = "redis://127.0.0.1:9/0"
RECORDS = """
SELECT outcome, count(*)::int, sum(cost_nanos)::int8, sum(waived_nanos)::int8
FROM billing_requestrecord WHERE request_id = %s GROUP BY outcome ORDER BY outcome
"""
SHIPPED = "SELECT 1 FROM billing_requestrecord WHERE request_id = %s HAVING count(*) >= %s"
HEADERS = pytest.mark.parametrize("header", ["X-Request-Id", "Idempotency-Key"])


@pytest.fixture(scope="module")
def other(stack: Stack) -> str:
    """A second process beside the main one."""
    return stack.served_by("moonshot", PYLO_LOOP_LAG_MS="251")


@pytest.fixture(scope="module")
def without_redis(stack: Stack) -> str:
    return stack.served_by("moonshot", REDIS_URL=NOBODY, DATABASE_URL=stack.apart("without_redis"))


@pytest.fixture(autouse=True)
def healed(stack: Stack) -> Iterator[None]:
    stack.upstream.heal()
    yield
    stack.upstream.heal()


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20, trust_env=False, limits=httpx.Limits(max_connections=None)) as client:
        yield client


class Asker:
    """Sends one request under one id, again and again."""

    def __init__(
        self, web: httpx.Client, member: Member, header: str = "X-Request-Id", *, id_: str = "", **body: Any
    ) -> None:
        self.id = id_ or named()
        self._web = web
        self._headers = {"Authorization": f"Bearer {member.key}", "Content-Type": "application/json", header: self.id}
        if header != "X-Request-Id":
            self._headers["X-Request-Id"] = self.id
        self._body = json.dumps({"model": MODEL, "messages": HAIKU} | body).encode()

    def at(self, base: str, body: bytes = b"") -> httpx.Response:
        return self._web.post(f"{base}/chat/completions", content=body or self._body, headers=self._headers)

    def everywhere(self, *bases: str) -> list[httpx.Response]:
        """Send it to all of them at once."""
        with ThreadPoolExecutor(len(bases)) as pool:
            return list(pool.map(self.at, bases))


def records(stack: Stack, asker: Asker, count: int) -> dict[str, tuple[int, int, int]]:
    """Return, by outcome, how many requests of the id there are, what they cost and what was waived."""
    stack.eventually(lambda: stack.sql(SHIPPED, asker.id, count))
    return {outcome: (number, cost, waived) for outcome, number, cost, waived in stack.sql(RECORDS, asker.id)}


def charged(answer: httpx.Response) -> Any:
    assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "false")
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("idempotency_error", "request_already_completed")
    return error["charged"]


@pytest.mark.conformance(143, 144, 145)
@HEADERS
def test_what_is_charged_is_told_by_every_process_at_once(
    web: httpx.Client, stack: Stack, member: Member, other: str, header: str
) -> None:
    asker = Asker(web, member, header, stream=True)
    first = asker.at(stack.api_base)
    assert first.status_code == 200
    told = [charged(asker.at(base)) for base in (other, stack.api_base)]
    assert told[0] == told[1]
    assert told[0]["request_id"] == first.headers["x-pylo-request-id"]
    ((number, cost, waived),) = records(stack, asker, 1).values()
    assert (number, waived) == (1, 0)
    assert told[0]["cost_usd"] == f"{cost / 10**9:.9f}".rstrip("0")
    assert len(stack.upstream.calls(asker.id)) == 1


@pytest.mark.conformance(144)
@HEADERS
def test_what_runs_is_told_by_every_process(
    web: httpx.Client, stack: Stack, member: Member, other: str, header: str
) -> None:
    stack.upstream.fail({"kind": "slow", "tokens_per_second": 20})
    asker = Asker(web, member, header, messages=COUNT, max_completion_tokens=40)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asker.at, stack.api_base)
        stack.eventually(lambda: stack.upstream.calls(asker.id))
        retries = [asker.at(base) for base in (other, stack.api_base)]
        first = running.result()
    assert [first.status_code, *(retry.status_code for retry in retries)] == [200, 409, 409]
    for retry in retries:
        assert retry.json()["error"]["code"] == "idempotency_key_in_progress"
        assert retry.headers["x-should-retry"] == "true"
        assert 1 <= int(retry.headers["retry-after"]) <= 5
    assert set(records(stack, asker, 1)) == {"completed"}


@HEADERS
def test_what_failed_runs_again_elsewhere(
    web: httpx.Client, stack: Stack, member: Member, other: str, header: str
) -> None:
    stack.upstream.fail({"status": 503})
    asker = Asker(web, member, header)
    assert [asker.at(stack.api_base).status_code, asker.at(other).status_code] == [502, 200]
    found = records(stack, asker, 2)
    assert {outcome: number for outcome, (number, _, _) in found.items()} == {"completed": 1, "upstream_error": 1}
    assert found["upstream_error"][1] == 0


@pytest.mark.conformance(144)
@pytest.mark.parametrize(("header", "status"), [("X-Request-Id", 200), ("Idempotency-Key", 422)])
def test_another_body_is_another_request_or_a_mistake(
    web: httpx.Client, stack: Stack, member: Member, other: str, header: str, status: int
) -> None:
    asker = Asker(web, member, header)
    assert asker.at(stack.api_base).status_code == 200
    body = json.dumps({"model": MODEL, "messages": COUNT, "max_completion_tokens": 5}).encode()
    answer = asker.at(other, body)
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["error"]["code"] == "idempotency_key_mismatch"


def test_another_workspaces_request_is_its_own(web: httpx.Client, stack: Stack, member: Member, other: str) -> None:
    asker = Asker(web, member)
    stranger = Asker(web, stack.member(), id_=asker.id)
    assert asker.at(stack.api_base).status_code == stranger.at(other).status_code == 200


def test_of_a_hundred_at_once_one_runs_and_is_charged(web: httpx.Client, stack: Stack, other: str) -> None:
    asker = Asker(web, stack.member())

    answers = asker.everywhere(*[stack.api_base, other] * 50)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 99}
    assert records(stack, asker, 1)["completed"][0] == 1
    assert len(stack.upstream.calls(asker.id)) == 1


def test_after_redis_was_emptied_postgres_knows(web: httpx.Client, stack: Stack, member: Member, other: str) -> None:
    asker = Asker(web, member)
    first = asker.at(stack.api_base)
    records(stack, asker, 1)
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as client:
        client.delete(MARKER, *client.scan_iter(f"{PREFIX}*"))
    assert charged(asker.at(other))["request_id"] == first.headers["x-pylo-request-id"]
    assert charged(asker.at(stack.api_base))["request_id"] == first.headers["x-pylo-request-id"]


def test_with_redis_away_postgres_knows(web: httpx.Client, stack: Stack, member: Member, without_redis: str) -> None:
    asker = Asker(web, member)
    first = asker.at(stack.api_base)
    records(stack, asker, 1)
    assert charged(asker.at(without_redis))["request_id"] == first.headers["x-pylo-request-id"]


def test_where_two_run_because_nobody_could_know_one_is_charged(
    web: httpx.Client, stack: Stack, member: Member, without_redis: str
) -> None:
    stack.upstream.fail(*[{"kind": "slow", "tokens_per_second": 20}] * 2)
    asker = Asker(web, member, messages=COUNT, max_completion_tokens=20)

    answers = asker.everywhere(stack.api_base, without_redis)
    assert [answer.status_code for answer in answers] == [200, 200]
    found = records(stack, asker, 2)
    assert {outcome: number for outcome, (number, _, _) in found.items()} == {"completed": 1, "duplicate": 1}
    assert found["duplicate"][1:] == (0, found["duplicate"][2])
    assert found["duplicate"][2] > 0
    assert found["completed"][1] > 0


def test_with_redis_away_and_postgres_silent_it_is_served(web: httpx.Client, stack: Stack, member: Member) -> None:
    asker = Asker(web, member)
    database = stack.env["DATABASE_URL"]

    async def main() -> list[int]:
        host, port = httpx.URL(database).host, httpx.URL(database).port or 5432
        async with proxied(host, port, silent_from=b"billing_idempotency") as proxy:
            own = free_port()
            settings = {"DATABASE_URL": at_port(stack.apart("silent"), proxy.port), "REDIS_URL": NOBODY}
            await asyncio.to_thread(stack.serve, "server-silent", own, settings)
            base = f"http://127.0.0.1:{own}/v1"
            answers = [await asyncio.to_thread(each.at, base) for each in (Asker(web, member), asker, asker)]
            assert proxy.holding.is_set()
            proxy.release()
            return [answer.status_code for answer in answers]

    assert asyncio.run(main()) == [200, 200, 409]
    assert set(records(stack, asker, 1)) == {"completed"}


def test_a_killed_process_frees_its_claims_when_their_lease_ends(
    web: httpx.Client, stack: Stack, member: Member, other: str
) -> None:
    stack.upstream.fail({"kind": "hang"})
    asker, own = Asker(web, member), free_port()
    server = stack.serve("server-killed", own)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asker.at, f"http://127.0.0.1:{own}/v1")
        stack.eventually(lambda: stack.upstream.calls(asker.id))
        server.kill()
        with pytest.raises(httpx.TransportError):
            running.result()
    assert asker.at(other).status_code == 409
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as client:
        (claim,) = (key for key in client.scan_iter(f"{PREFIX}*") if client.get(key)[:1] == b"R")
        assert 0 < client.pttl(claim) <= LEASE_MS
        client.pexpire(claim, 1)
    stack.upstream.heal()
    stack.eventually(lambda: asker.at(other).status_code == 200)
    assert set(records(stack, asker, 2)) == {"completed", "interrupted"}
