"""Paths and methods, over real sockets: what is answered where, in which envelope, with which headers."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.wire.asking import HAIKU, MODEL, named

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

CHAT = "/v1/chat/completions"
VISIBLE = re.compile(r"[\x21-\x7e]{1,128}")
KNOWN = [(CHAT, "POST, OPTIONS"), ("/v1/models", "GET, HEAD, OPTIONS"), (f"/v1/models/{MODEL}", "GET, HEAD, OPTIONS")]


def call(stack: Stack, method: str, path: str, **options: Any) -> httpx.Response:
    return httpx.request(method, f"{stack.base_url}{path}", trust_env=False, timeout=20, **options)


def key(member: Member) -> dict[str, str]:
    return {"Authorization": f"Bearer {member.key}"}


def is_enveloped(answer: httpx.Response) -> bool:
    error = answer.json()["error"]
    texts = isinstance(error["message"], str) and bool(error["message"]) and isinstance(error["type"], str)
    nullable = all(error[name] is None or isinstance(error[name], str) for name in ("param", "code"))
    return set(error) == {"message", "type", "param", "code"} and texts and nullable


def raw(stack: Stack, head: str, connection: str = "close") -> bytes:
    """Send what no client would, and read the answer to its end."""
    place = urlsplit(stack.base_url)
    with socket.create_connection((place.hostname, place.port or 80), timeout=10) as line:
        line.sendall(f"{head}\r\nHost: {place.netloc}\r\nConnection: {connection}\r\n\r\n".encode())
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.conformance(1, 4, 5)
@pytest.mark.parametrize("path", ["/v1", "/v1/", "//v1", "/v1/nothing", "/v1/nothing/at/all", "/v1/models/x/y/z?a=b"])
def test_an_unknown_path_is_a_404_in_the_envelope(stack: Stack, member: Member, path: str) -> None:
    answer = call(stack, "GET", path, headers=key(member))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert is_enveloped(answer)
    assert VISIBLE.fullmatch(answer.headers["x-request-id"])
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.conformance(6)
@pytest.mark.parametrize("api", ["responses", "completions", "embeddings", "messages", "responses/resp_1"])
def test_another_api_is_a_404_that_points_to_this_one(stack: Stack, api: str) -> None:
    answer = call(stack, "POST", f"/v1/{api}", json={"model": MODEL})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")
    assert f"POST /v1/{api}" in answer.json()["error"]["message"]
    assert f"POST {CHAT}" in answer.json()["error"]["message"]


@pytest.mark.conformance(4, 7, 8)
@pytest.mark.parametrize(("path", "allow"), KNOWN)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_another_method_is_a_405_that_lists_the_right_ones(stack: Stack, path: str, allow: str, method: str) -> None:
    answer = call(stack, method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert is_enveloped(answer)


@pytest.mark.conformance(8)
def test_a_method_nobody_knows_is_the_clients_mistake(stack: Stack) -> None:
    answer = call(stack, "BREW", CHAT)
    assert answer.status_code == 400
    assert is_enveloped(answer)


@pytest.mark.conformance(7)
def test_reading_chat_and_writing_models_is_a_405(stack: Stack) -> None:
    assert call(stack, "GET", CHAT).headers["allow"] == "POST, OPTIONS"
    assert call(stack, "POST", "/v1/models", json={}).headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.conformance(9)
@pytest.mark.parametrize("path", [f"{CHAT}/", f"/{CHAT}", "/v1//chat/completions", "/v1/chat//completions//"])
def test_slashes_too_many_do_not_hurt(stack: Stack, member: Member, path: str) -> None:
    stack.upstream.heal()
    answer = call(stack, "POST", path, json={"model": MODEL, "messages": HAIKU}, headers=key(member))
    assert (answer.status_code, answer.json()["object"]) == (200, "chat.completion")


@pytest.mark.conformance(19)
@pytest.mark.parametrize("path", ["/v1/models", f"/v1/models/{MODEL}"])
def test_head_is_get_without_the_body(stack: Stack, member: Member, path: str) -> None:
    head, get = (call(stack, method, path, headers=key(member)) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))
    assert set(head.headers) == set(get.headers)


@pytest.mark.conformance(20)
def test_health_and_readiness_are_told_to_anybody(stack: Stack) -> None:
    assert [call(stack, "GET", path).json() for path in ("/health", "/ready")] == [
        {"status": "ok"},
        {"status": "ready"},
    ]
    assert call(stack, "HEAD", "/health").status_code == 200


@pytest.mark.conformance(29)
def test_a_key_in_the_query_or_the_body_is_none(stack: Stack, member: Member) -> None:
    body = {"model": MODEL, "messages": HAIKU, "api_key": member.key, "key": member.key}
    assert call(stack, "POST", f"{CHAT}?key={member.key}&access_token={member.key}", json=body).status_code == 401
    assert call(stack, "GET", f"/v1/models?api_key={member.key}").status_code == 401


@pytest.mark.conformance(10)
@pytest.mark.parametrize("body", [b"", b"{", b'{"model": 5}'])
def test_without_a_key_the_body_does_not_matter(stack: Stack, body: bytes) -> None:
    assert call(stack, "POST", CHAT, content=body, headers={"Content-Type": "text/plain"}).status_code == 401


@pytest.mark.conformance(15)
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON", 200),
        (None, 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_the_content_type_is_json_or_none(stack: Stack, member: Member, kind: str | None, status: int) -> None:
    stack.upstream.heal()
    headers = key(member) | ({"Content-Type": kind} if kind else {})
    content = json.dumps({"model": MODEL, "messages": HAIKU}).encode()
    answer = call(stack, "POST", CHAT, content=content, headers=headers)
    assert answer.status_code == status
    assert status == 200 or is_enveloped(answer)


@pytest.mark.conformance(17, 18)
def test_headers_of_the_sdks_change_nothing(stack: Stack, member: Member) -> None:
    stack.upstream.heal()
    sdk = {"Accept": "application/json", "OpenAI-Organization": "o", "OpenAI-Beta": "b", "X-Stainless-Async": "false"}
    body = {"model": MODEL, "messages": HAIKU, "stream": True}
    answer = call(stack, "POST", CHAT, json=body, headers=key(member) | sdk)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


@pytest.mark.conformance(3)
@pytest.mark.parametrize("mine", ["a b", "x" * 129, "<script>"])
def test_an_id_that_could_do_harm_is_refused_and_not_echoed(stack: Stack, member: Member, mine: str) -> None:
    answer = call(stack, "GET", "/v1/models", headers=key(member) | {"X-Request-Id": mine})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request_id")
    assert answer.headers["x-request-id"].startswith("req_")
    assert mine not in str(answer.headers) + answer.text


@pytest.mark.conformance(1)
def test_every_try_has_an_id_of_ours_also_where_the_client_chose_one(stack: Stack, member: Member) -> None:
    mine = named()
    tries = [call(stack, "GET", "/v1/models", headers=key(member) | {"X-Request-Id": mine}) for _ in range(3)]
    assert {answer.headers["x-request-id"] for answer in tries} == {mine}
    assert len({answer.headers["x-pylo-request-id"] for answer in tries}) == 3


@pytest.mark.parametrize("path", [CHAT, "/v1/nothing"])
def test_a_page_in_a_browser_may_ask_and_read(stack: Stack, path: str) -> None:
    asked = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-retry-count",
    }
    before = call(stack, "OPTIONS", path, headers=asked)
    assert (before.status_code, before.content) == (204, b"")
    assert "x-stainless-retry-count" in before.headers["access-control-allow-headers"]
    after = call(stack, "POST", path, json={}, headers={"Origin": "https://page.example"})
    assert (after.status_code, after.headers["access-control-allow-origin"]) == (401 if path == CHAT else 404, "*")
    assert "x-request-id" in after.headers["access-control-expose-headers"]


@pytest.mark.conformance(5, 33)
def test_a_path_is_taken_as_it_is_and_not_echoed_whole(stack: Stack) -> None:
    answer = raw(stack, "GET /v1/%1b%5b31m%e2%80%ae/../" + "x" * 500 + " HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\x1b" not in answer
    assert b"x" * 200 not in answer


def test_an_answer_without_a_body_has_no_framing_of_one(stack: Stack) -> None:
    head, _, body = raw(stack, f"OPTIONS {CHAT} HTTP/1.1").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 204 ")
    assert (b"transfer-encoding" in head.lower(), b"content-length" in head.lower(), body) == (False, False, b"")


@pytest.mark.conformance(1, 4)
@pytest.mark.parametrize(("path", "status"), [(CHAT, b"405"), ("/v1/realtime", b"404"), ("/ws", b"404")])
def test_a_websocket_is_answered_as_what_it_asks_with(stack: Stack, path: str, status: bytes) -> None:
    shake = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    head, _, body = raw(stack, f"GET {path} HTTP/1.1\r\n{shake}", "Upgrade, close").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"x-request-id: req_" in head
    assert ("error" in json.loads(body)) if path.startswith("/v1") else b"<html" in body
