"""Nobody is waited for without an end, and no byte buys more time."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.fakes.probing import STATUS
from tests.pylo_site.server.conftest import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pylo_site.server.conftest import Served

SOON = 0.3
MANY = 200


@pytest.fixture(scope="module")
def hasty(serve: Callable[..., Served]) -> Served:
    return serve(head_seconds=SOON, body_seconds=SOON, idle_seconds=SOON, linger_seconds=SOON)


def dribbled(served: Served, first: bytes, byte: bytes) -> bytes:
    """Send `first` and then a byte each 50 ms; return all that came back until the line was closed."""
    raw = b""
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.settimeout(0.05)
        line.sendall(first)
        for _ in range(MANY):
            try:
                piece = line.recv(65536)
                if not piece:
                    return raw
                raw += piece
            except TimeoutError:
                line.sendall(byte)
            except ConnectionResetError:
                return raw
    raise AssertionError("still open")


@pytest.mark.parametrize(
    "first",
    [b"GET /v1/x HTTP/1.1\r\nHost: x\r\nA: ", request("POST", "/", "Content-Length: 900\r\n", b"a")],
    ids=["head", "body"],
)
def test_a_request_that_dribbles_is_refused_in_time(hasty: Served, first: bytes) -> None:
    assert STATUS.findall(dribbled(hasty, first, b"a")) == [b"408"]


def test_a_line_on_which_nothing_is_asked_is_closed_without_a_word(hasty: Served) -> None:
    assert hasty.ask(b"", answers=1).result == "close"
    assert hasty.ask(b"\r\n\r\n", answers=1).result == "close"


def test_a_line_that_was_used_is_closed_too(hasty: Served) -> None:
    assert hasty.ask(request("GET", "/"), answers=9).result == "200 close"


def test_a_body_that_began_behind_another_request_has_no_longer(serve: Callable[..., Served]) -> None:
    served = serve(body_seconds=SOON, idle_seconds=60)
    behind = request("POST", "/", "Content-Length: 900\r\n", b"a")
    assert served.ask(request("GET", "/") + behind, answers=9).result == "200 408 close"


def test_an_answer_that_takes_longer_than_a_request_may_is_not_cut(hasty: Served) -> None:
    heard = hasty.ask(request("GET", "/stream", "Connection: close\r\n"), answers=9)
    assert heard.result == "200 close"
    assert b"whole" in heard.raw


def test_a_body_that_the_application_does_not_take_is_not_the_clients_delay(hasty: Served) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=10) as line:
        line.sendall(request("POST", "/unread", "Content-Length: 1000000\r\n", bytes(1000000)))
        assert hasty.noted("whole")
