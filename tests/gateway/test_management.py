"""The management API as a client of /v1 meets it: another application answers, and the gateway's rules hold."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.management import MOST_AT_ONCE
from tests.fakes.asgi import Caller
from tests.gateway.conftest import WORKSPACE, World, make_world

if TYPE_CHECKING:
    from gateway.asgi import Receive, Scope, Send

PATH = "/v1/requests/job-17"


async def test_the_application_is_told_the_path_and_whose_key_it_is_and_nothing_else(world: World) -> None:
    headers = [("Cookie", "sessionid=1"), ("X-Forwarded-Host", "evil.example"), ("X-Request-Id", "mine")]
    answer = await world.call("GET", PATH, b"a body", headers=headers)
    assert (answer.status, answer.json(), answer.headers["x-request-id"]) == (200, {"object": "request"}, "mine")
    (scope,) = world.portal.scopes
    assert (scope["path"], scope["pylo.workspace_id"], scope["scheme"]) == (PATH, WORKSPACE, "https")
    assert (scope["headers"], scope["query_string"], world.portal.read) == ([(b"host", b"pylo.example")], b"", [b""])


async def test_its_answer_has_the_headers_of_every_answer_and_none_of_a_page(world: World) -> None:
    world.portal.refuses(429, retry_after=7)
    answer = await world.call("GET", PATH)
    assert (answer.status, answer.error) == (429, {"code": "rate_limit_exceeded"})
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("7", "true")
    for name in ("x-request-id", "x-pylo-request-id", "openai-processing-ms", "access-control-allow-origin"):
        assert name in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not answer.headers.keys() & {"set-cookie", "x-frame-options"}


async def test_without_a_key_it_is_not_asked(world: World) -> None:
    answer = await Caller(world.gateway)("GET", PATH)
    assert (answer.status, answer.error["code"], world.portal.scopes) == (401, "invalid_api_key", [])


async def test_another_method_is_a_405_and_it_is_not_asked(world: World) -> None:
    answer = await world.call("POST", PATH, b"{}")
    assert (answer.status, answer.headers["allow"], world.portal.scopes) == (405, "GET, HEAD, OPTIONS", [])


@pytest.mark.parametrize("name", ["a b", "é", "x" * 129, "-a", "a\n", "<script>"])
async def test_what_no_request_is_called_is_not_found_and_not_asked_for(world: World, name: str) -> None:
    answer = await world.call("GET", f"/v1/requests/{name}")
    assert (answer.status, answer.error["code"], world.portal.scopes) == (404, "request_not_found", [])


@pytest.mark.parametrize("path", ["/v1/requests", "/v1/requests/", "/v1/request/1"])
async def test_other_paths_stay_unknown(world: World, path: str) -> None:
    answer = await world.call("GET", path)
    assert (answer.status, answer.error["code"], world.portal.scopes) == (404, "unknown_url", [])


async def test_a_page_in_place_of_json_is_an_error_in_the_envelope(world: World) -> None:
    world.portal.breaks()
    answer = await world.call("GET", PATH)
    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert b"html" not in answer.body


async def test_head_has_no_body(world: World) -> None:
    answer = await world.call("HEAD", PATH)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "20")


async def test_more_than_a_few_at_once_are_sent_away() -> None:
    world = make_world()
    full, opened = asyncio.Barrier(MOST_AT_ONCE + 1), asyncio.Event()
    quick = world.portal.__call__

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await full.wait()
        await opened.wait()
        await quick(scope, receive, send)

    world.gateway._parts.management._app = slow
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(world.call("GET", PATH)) for _ in range(MOST_AT_ONCE)]
        await full.wait()
        refused = await world.call("GET", PATH)
        opened.set()
    world.gateway._parts.management._app = world.portal
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert [task.result().status for task in waiting] == [200] * MOST_AT_ONCE
    assert (await world.call("GET", PATH)).status == 200
