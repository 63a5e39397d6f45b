from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.asgi import Caller
from tests.fakes.clock import skipping
from tests.gateway.conftest import CHAT, MODEL, World

if TYPE_CHECKING:
    from tests.fakes.asgi import Answer

CHAT_PATH = "/v1/chat/completions"
PAGE = ("Origin", "https://page.example")
ASKED = [
    PAGE,
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization,content-type,x-stainless-lang"),
]


def ask(world: World, method: str, path: str, **options: Any) -> Answer:
    """Call without a key."""
    return skipping(Caller(world.gateway)(method, path, **options))


@pytest.mark.conformance(20)
def test_health_is_told_without_a_key_also_while_draining(world: World) -> None:
    for world.drain.draining in (False, True):
        answer = ask(world, "GET", "/health")
        assert (answer.status, answer.json()) == (200, {"status": "ok"})


@pytest.mark.conformance(20)
def test_readiness_ends_with_a_drain(world: World) -> None:
    assert (ask(world, "GET", "/ready").status, ask(world, "GET", "/ready").json()) == (200, {"status": "ready"})
    world.drain.draining = True
    assert (ask(world, "GET", "/ready").status, ask(world, "GET", "/ready").json()) == (503, {"status": "draining"})


@pytest.mark.conformance(20)
def test_health_needs_no_store(world: World) -> None:
    world.keys.away = True
    assert (ask(world, "HEAD", "/health").status, ask(world, "HEAD", "/health").body) == (200, b"")


@pytest.mark.conformance(37)
def test_the_aggregators_list_needs_no_key(world: World) -> None:
    (document,) = ask(world, "GET", "/v1/provider/models").json()["data"]
    assert (document["schema_version"], document["id"]) == ("2.4", MODEL)
    assert document["output_modalities"][0]["pricing"][0]["cost_usd"] == "0.0000039"


@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/models", "/v1/nothing"])
def test_a_browser_may_ask_before_it_sends(world: World, path: str) -> None:
    answer = ask(world, "OPTIONS", path, headers=ASKED)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"].split(", ")
    assert "x-stainless-lang" in answer.headers["access-control-allow-headers"].split(", ")
    assert "access-control-allow-credentials" not in answer.headers
    assert "content-length" not in answer.headers


def test_a_browser_is_told_the_paths_methods(world: World) -> None:
    def methods(path: str) -> str:
        return ask(world, "OPTIONS", path, headers=ASKED).headers["access-control-allow-methods"]

    assert methods(CHAT_PATH) == "POST, OPTIONS"
    assert methods("/v1/models") == "GET, HEAD, OPTIONS"
    assert methods("/v1/nothing") == "GET, HEAD, POST, OPTIONS"


@pytest.mark.parametrize(("path", "allow"), [(CHAT_PATH, "POST, OPTIONS"), ("/v1/models", "GET, HEAD, OPTIONS")])
def test_plain_options_tells_the_methods(world: World, path: str, allow: str) -> None:
    answer = ask(world, "OPTIONS", path)
    assert (answer.status, answer.body, answer.headers["allow"]) == (204, b"", allow)
    assert ask(world, "OPTIONS", "/v1/nothing").status == 404


@pytest.mark.conformance(1)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/v1/models", 401),
        ("POST", "/v1/nothing", 404),
        ("TRACE", CHAT_PATH, 405),
        ("OPTIONS", CHAT_PATH, 204),
        ("GET", "/v1/provider/models", 200),
    ],
)
def test_every_answer_has_its_ids_and_can_be_read_by_a_page(world: World, method: str, path: str, status: int) -> None:
    answer = ask(world, method, path)
    assert answer.status == status
    assert answer.headers["x-request-id"] == answer.headers["x-pylo-request-id"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert int(answer.headers["openai-processing-ms"]) >= 0
    assert sum(len(name) + len(value) + 4 for name, value in answer.headers.items()) < 1200


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_of_the_model_says_how_long_it_took_to_begin(world: World, *, stream: bool) -> None:
    answer = skipping(world.call("POST", CHAT_PATH, json.dumps({**CHAT, "stream": stream}).encode(), headers=[PAGE]))
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert answer.headers["openai-processing-ms"].isdigit()
