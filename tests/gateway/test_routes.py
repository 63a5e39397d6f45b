from __future__ import annotations

import pytest

from gateway.errors import MethodNotAllowed, UnknownUrl
from gateway.routes import Route, Target, resolve


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/chat/completions", Target(Route.CHAT)),
        ("GET", "/v1/models", Target(Route.MODELS)),
        ("HEAD", "/v1/models", Target(Route.MODELS)),
        ("GET", "/v1/models/moonshotai/kimi-k2.6", Target(Route.MODEL, "moonshotai/kimi-k2.6")),
    ],
)
def test_the_paths_of_the_api_are_found(method: str, path: str, target: Target) -> None:
    assert resolve(method, path) == target


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "BREW"])
def test_another_method_of_a_known_path_is_told_what_is_allowed(method: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        resolve(method, "/v1/chat/completions")
    assert dict(caught.value.headers)[b"allow"] == b"POST"


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nope", "/v1//models", "/v1/models/", "/v1/chat/completions/"])
def test_any_other_path_is_unknown_by_its_name(path: str) -> None:
    with pytest.raises(UnknownUrl, match=f"POST {path}"):
        resolve("POST", path)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/messages"])
def test_other_apis_are_pointed_to_chat_completions(path: str) -> None:
    with pytest.raises(UnknownUrl, match=r"Use POST /v1/chat/completions\."):
        resolve("POST", path)


def test_an_echoed_path_is_short_and_printable() -> None:
    with pytest.raises(UnknownUrl) as caught:
        resolve("GET", "/v1/\x1b[31m\u202e" + "x" * 500)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200
