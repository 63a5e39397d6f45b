"""The gateway as it runs: Postgres, Redis, a journal on disk and an upstream on a socket."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiKey, Workspace
from billing.models import Balance, Price
from gateway import frames, journal
from gateway.config import GatewayConfig, Upstream
from gateway.frames import Admit, Attempt, First, Settle
from gateway.runtime import Application
from pylo_site import draining, upstream_states
from tests.cast import make_user
from tests.fakes.asgi import Caller
from tests.fakes.engines import the_tests_database
from tests.fakes.portal import Portal
from tests.fakes.upstream import SocketUpstream, good

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

MODEL = "runtime/model"
TOKEN = tokens.mint(bytes(range(1, 33)))
PEPPER = "a pepper of these tests alone"
CHAT = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}).encode()


@pytest.fixture
def key(transactional_db: None) -> ApiKey:
    workspace = Workspace.objects.create(name="w")
    Balance.objects.create(workspace=workspace, nanos=1_000_000)
    now = timezone.now()
    Price.objects.create(model=MODEL, input_nanos=900, cached_nanos=180, output_nanos=3900, starts_at=now)
    return ApiKey.objects.create(workspace=workspace, name="k", digest=tokens.digest(TOKEN, PEPPER))


@asynccontextmanager
async def running(root: Path, upstream: SocketUpstream, database_url: str) -> AsyncIterator[Caller]:
    to = Upstream(name="u", dialect="moonshot", base_url=upstream.base_url, key="k", model="m")
    config = GatewayConfig(
        model=MODEL,
        upstreams=(to,),
        peppers=(PEPPER,),
        database_url=database_url,
        redis_url=settings.REDIS_URL,
        journal_dir=root,
        host="here",
        idempotency_secret=bytes(32),
        max_body_bytes=4096,
    )
    application = Application(config, Portal())
    try:
        yield Caller(application, [("Authorization", f"Bearer {TOKEN.secret}")])
    finally:
        await application.close()


def run(
    root: Path, talk: Callable[[Caller], Awaitable[None]], upstream: SocketUpstream | None = None
) -> SocketUpstream:
    url = the_tests_database()
    upstream = upstream or SocketUpstream(good("Hel", "lo"))

    async def main() -> None:
        async with upstream.serving(), running(root, upstream, url) as call:
            await talk(call)

    asyncio.run(main())
    return upstream


def test_a_completion_is_served_recorded_and_its_key_noted(key: ApiKey, tmp_path: Path) -> None:
    async def talk(call: Caller) -> None:
        answer = await call("POST", "/v1/chat/completions", CHAT)
        assert (answer.status, answer.json()["choices"][0]["message"]["content"]) == (200, "Hello")

    run(tmp_path, talk)
    (path,) = tmp_path.glob("here/*/0001.log")
    written, _ = frames.decode(path.read_bytes())
    assert [type(frame) for frame in written] == [Admit, Attempt, First, Settle]
    settled = written[-1]
    assert isinstance(settled, Settle)
    assert (settled.record.key_id, settled.record.workspace_id) == (key.id, key.workspace_id)
    assert settled.record.price_id == Price.objects.get(model=MODEL).id
    assert ApiKey.objects.get(id=key.id).last_used_at is not None
    assert journal.lock(path.parent) is not None


def test_no_two_journals_have_the_same_name(key: ApiKey, tmp_path: Path) -> None:
    async def talk(call: Caller) -> None:
        await call("GET", "/v1/models")

    for _ in range(2):
        run(tmp_path, talk)
    names = [path.name.rsplit("-", 1) for path in tmp_path.glob("here/*")]
    assert len({rest for _, rest in names}) == 2  # also for one process at one moment


async def refused(call: Caller) -> None:
    while True:
        if (await call("GET", "/v1/models")).status != 200:
            return
        await asyncio.sleep(0)


def test_many_first_requests_open_one_runtime(key: ApiKey, tmp_path: Path) -> None:
    async def talk(call: Caller) -> None:
        answers = await asyncio.gather(*(call("GET", "/v1/models") for _ in range(20)))
        assert {answer.status for answer in answers} == {200}

    run(tmp_path, talk)
    assert len(list(tmp_path.glob("here/*"))) == 1


def test_a_revoked_key_is_refused_within_a_second(key: ApiKey, tmp_path: Path) -> None:
    statuses: list[int] = []

    async def talk(call: Caller) -> None:
        statuses.append((await call("GET", "/v1/models")).status)
        await asyncio.to_thread(revoke)
        async with asyncio.timeout(1):
            await refused(call)
        statuses.append((await call("GET", "/v1/models")).status)

    def revoke() -> None:
        ApiKey.objects.filter(id=key.id).update(revoked_at=timezone.now())
        connection.close()
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.publish("pylo:keys:revoked", str(key.id))

    upstream = run(tmp_path, talk)
    assert (statuses, upstream.calls) == ([200, 401], [])


async def chat(call: Caller, *, until: int) -> None:
    """Ask until the answer has this status."""
    while True:
        if (await call("POST", "/v1/chat/completions", CHAT)).status == until:
            return
        await asyncio.sleep(0.05)


def test_an_operators_orders_are_followed_while_it_runs(key: ApiKey, tmp_path: Path) -> None:
    calls: list[int] = []

    async def talk(call: Caller) -> None:
        await chat(call, until=200)
        for order, status in ((draining.drain, 503), (draining.restore, 200)):
            await asyncio.to_thread(give, order)
            await chat(call, until=status)
            calls.append(len(upstream.calls))
            if status == 503:
                await chat(call, until=503)
                assert len(upstream.calls) == calls[-1]

    def give(order: Callable[..., object]) -> None:
        order("u", reason="", by=operator, at=timezone.now())
        connection.close()

    operator = make_user()
    upstream = SocketUpstream(good("Hel", "lo"))
    run(tmp_path, talk, upstream)
    assert calls[1] == calls[0] + 1


def test_a_process_that_starts_sends_nothing_to_what_was_drained_before(key: ApiKey, tmp_path: Path) -> None:
    async def talk(call: Caller) -> None:
        answer = await call("POST", "/v1/chat/completions", CHAT)
        assert (answer.status, answer.error["code"]) == (503, "server_is_overloaded")

    draining.drain("u", reason="", by=make_user(), at=timezone.now())
    assert run(tmp_path, talk).calls == []


def test_what_it_sees_of_its_upstreams_can_be_read_by_others(key: ApiKey, tmp_path: Path) -> None:
    async def talk(call: Caller) -> None:
        await chat(call, until=200)
        while not await asyncio.to_thread(seen):
            pass

    def seen() -> bool:
        return any(report.name == "u" and report.window.ok for report in upstream_states.read().upstreams)

    run(tmp_path, talk)


def test_a_database_that_is_away_is_a_503_and_never_a_401(tmp_path: Path) -> None:
    async def main() -> tuple[int, str]:
        async with running(tmp_path, SocketUpstream(), "postgres://pylo@127.0.0.1:9/none") as call:
            answer = await call("GET", "/v1/models")
            return answer.status, answer.error["code"]

    assert asyncio.run(main()) == (503, "unavailable")
