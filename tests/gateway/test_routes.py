from __future__ import annotations

import pytest

from gateway.errors import MethodNotAllowed, UnknownUrl
from gateway.routes import Route, Target, find, resolve

READ_ONLY = ["/v1/models", "/v1/models/a/b", "/v1/provider/models", "/health", "/ready", "/metrics"]


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/chat/completions", Target(Route.CHAT)),
        ("GET", "/v1/models", Target(Route.MODELS)),
        ("HEAD", "/v1/models", Target(Route.MODELS)),
        ("GET", "/v1/provider/models", Target(Route.PROVIDER_MODELS)),
        ("GET", "/v1/requests/req_1", Target(Route.REQUEST, "req_1")),
        ("GET", "//v1/requests//job/1//a/", Target(Route.REQUEST, "job/1//a/")),
        ("GET", "/health", Target(Route.HEALTH)),
        ("HEAD", "/ready", Target(Route.READY)),
        ("OPTIONS", "/v1/chat/completions", Target(Route.CHAT)),
    ],
)
def test_the_paths_of_the_api_are_found(method: str, path: str, target: Target) -> None:
    assert resolve(method, path) == target


@pytest.mark.conformance(33)
@pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
def test_a_models_slash_may_be_plain_or_escaped(slash: str) -> None:
    assert find(f"/v1/models/moonshotai{slash}kimi-k2.6") == Target(Route.MODEL, "moonshotai/kimi-k2.6")


@pytest.mark.conformance(9)
@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v1/chat/completions/", Target(Route.CHAT)),
        ("/v1//chat/completions", Target(Route.CHAT)),
        ("//v1///chat//completions//", Target(Route.CHAT)),
        ("/v1/models/", Target(Route.MODELS)),
        ("/v1/models//a/b/", Target(Route.MODEL, "a/b")),
        ("/health/", Target(Route.HEALTH)),
    ],
)
def test_trailing_and_double_slashes_make_no_difference(path: str, target: Target) -> None:
    assert find(path) == target


@pytest.mark.conformance(7, 8)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "post", ""])
def test_another_method_of_chat_is_told_what_is_allowed(method: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        resolve(method, "/v1/chat/completions")
    assert dict(caught.value.headers)[b"allow"] == b"POST, OPTIONS"


@pytest.mark.conformance(7, 8)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize("path", READ_ONLY)
def test_another_method_of_what_is_read_is_told_what_is_allowed(method: str, path: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        resolve(method, path)
    assert dict(caught.value.headers)[b"allow"] == b"GET, HEAD, OPTIONS"


@pytest.mark.conformance(5)
@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nope", "/v1/model", "/v2/models", "/healthy", "/v1/provider"])
def test_any_other_path_is_unknown_by_its_name(path: str) -> None:
    with pytest.raises(UnknownUrl, match=f"POST {path}"):
        resolve("POST", path)


@pytest.mark.conformance(6)
@pytest.mark.parametrize(
    "path",
    [
        *("/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1", "/v1/chat"),
        *(
            "/v1/responses/resp_1/cancel",
            "/v1/messages/count_tokens",
            "/v1/chat/completions/chatcmpl-1",
            "/v1//responses",
        ),
        "/v1/engines/m/completions",
    ],
)
def test_other_apis_are_pointed_to_chat_completions(path: str) -> None:
    with pytest.raises(UnknownUrl, match=r"Use POST /v1/chat/completions\."):
        resolve("POST", path)


def test_an_echoed_path_is_short_and_printable() -> None:
    with pytest.raises(UnknownUrl) as caught:
        resolve("GET", "/v1/\x1b[31m\u202e" + "x" * 500)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


def test_a_method_nobody_knows_is_not_echoed() -> None:
    with pytest.raises(UnknownUrl) as caught:
        resolve("<script>", "/v1/nope")
    assert "script" not in caught.value.message
