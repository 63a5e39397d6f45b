"""Requests in, answers out: what each side is told, and when, over real sockets."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest

from tests.fakes.probing import CLOSE, OPEN, RESET, listen
from tests.pylo_site.server.conftest import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pylo_site.server.conftest import Served

MIB = 2**20
AHEAD = 16 * MIB  # bytes that kernels' buffers on both sides may hold


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=10)


def sent(served: Served) -> int:
    return 65536 * sum(line.startswith("sent ") for line in served.notes())


@pytest.mark.conformance(93)
def test_a_client_that_stops_reading_holds_the_application_up_and_is_cut_off(serve: Callable[..., Served]) -> None:
    served = serve(stall_seconds=0.5)
    with connect(served) as line:
        line.sendall(request("GET", "/large"))
        assert served.noted("told Disconnected")
        assert 0 < sent(served) < AHEAD
        assert served.rest(line).end == RESET


def test_a_client_that_reads_again_gets_all_of_it(served: Served) -> None:
    with connect(served) as line:
        line.sendall(request("GET", "/large"))
        got = 0
        while got < 2 * AHEAD:
            got += len(line.recv(MIB))
    assert served.noted("told Disconnected")


def test_an_application_that_waits_hears_of_a_hang_up(served: Served) -> None:
    with connect(served) as line:
        line.sendall(request("GET", "/wait"))
        assert served.noted("whole")
    assert served.noted("http.disconnect")


def test_an_application_that_does_not_read_a_body_gets_it_in_bounded_pieces(served: Served) -> None:
    with connect(served) as line:
        line.sendall(request("POST", "/unread", f"Content-Length: {3 * MIB}\r\n", bytes(3 * MIB)))
        assert served.noted("whole")
    pieces = [int(note.split()[1]) for note in served.notes() if note.startswith("request")]
    assert sum(pieces) == 3 * MIB
    assert max(pieces) <= 192 * 1024


@pytest.mark.conformance(148)
def test_a_hang_up_is_heard_though_the_body_came_before_it_was_wanted(serve: Callable[..., Served]) -> None:
    served = serve(unread_bytes=1000)
    with connect(served) as line:
        line.sendall(request("POST", "/unread", "Content-Length: 1500\r\n", bytes(1500)))
        assert served.noted("whole")
    assert served.noted("http.disconnect")


def test_a_line_goes_on_behind_a_body_that_nobody_took(serve: Callable[..., Served]) -> None:
    served = serve(unread_bytes=1000)
    with connect(served) as line:
        line.sendall(request("POST", "/early", "Content-Length: 1500\r\n", bytes(1500)))
        assert listen(line).result == "401 open"
        line.sendall(request("GET", "/"))
        assert listen(line).result == "200 open"


@pytest.mark.conformance(16)
def test_a_body_in_chunks_arrives_as_it_was(served: Served) -> None:
    heard = served.ask(request("POST", "/", "Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
    assert heard.result == "200 open"
    assert json.loads(heard.last[1])["length"] == 5


@pytest.mark.conformance(14)
def test_a_body_without_a_length_is_refused_at_the_limit(serve: Callable[..., Served]) -> None:
    served = serve(body_bytes=1000)
    chunk = b"200\r\n" + bytes(0x200) + b"\r\n"
    heard = served.ask(request("POST", "/v1/x", "Transfer-Encoding: chunked\r\n", chunk * 2))
    assert heard.result == "413 close"
    assert json.loads(heard.last[1])["error"]["code"] == "request_too_large"
    heard = served.ask(request("POST", "/page", "Content-Length: 1001\r\n"))
    assert (heard.result, heard.last[0]["content-type"]) == ("413 close", "text/plain; charset=utf-8")
    assert served.ask(request("POST", "/", "Content-Length: 1000\r\n", bytes(1000))).result == "200 open"


def test_a_page_in_a_browser_can_read_why_the_server_refused(serve: Callable[..., Served]) -> None:
    served = serve(body_bytes=1000)
    too_large = "Origin: https://app.example\r\nContent-Length: 1001\r\n"
    headers, _ = served.ask(request("POST", "/v1/chat/completions", too_large)).last
    assert headers["access-control-allow-origin"] == "*"
    assert "x-request-id" in headers["access-control-expose-headers"].split(", ")
    headers, _ = served.ask(request("POST", "/page", too_large)).last
    assert "access-control-allow-origin" not in headers


def test_chunks_that_are_mostly_framing_are_refused(serve: Callable[..., Served]) -> None:
    served = serve(framing_bytes=1000)
    with connect(served) as line:
        line.sendall(request("POST", "/", "Transfer-Encoding: chunked\r\n"))
        for _ in range(3):
            line.sendall(b"1\r\na\r\n" * 10_000)
        assert served.rest(line).result == "400 close"


@pytest.mark.conformance(21)
def test_a_hundred_is_sent_when_the_application_asks_for_the_body(served: Served) -> None:
    asks = "Expect: 100-continue\r\nContent-Length: 3\r\n"
    with connect(served) as line:
        line.sendall(request("POST", "/", asks))
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"abc" + request("GET", "/", "Connection: close\r\n"))
        assert served.rest(line).result == "200 200 close"
    assert served.ask(request("POST", "/early", asks)).result == "401 close"


def test_an_early_answer_is_not_lost_to_the_body_that_still_comes(served: Served) -> None:
    with connect(served) as line:
        line.sendall(request("POST", "/early", f"Content-Length: {2 * MIB}\r\n", b"x"))
        line.sendall(bytes(2 * MIB - 1))
        heard = served.rest(line)
    assert heard.result == "401 close"
    assert heard.last[0]["connection"] == "close"


def test_pipelined_requests_are_answered_in_order_though_the_first_has_a_body(served: Served) -> None:
    first = request("POST", "/a", "Content-Length: 3\r\n", b"abc")
    heard = served.ask(first + request("GET", "/b") + request("HEAD", "/c") + request("GET", "/d"), answers=4)
    assert heard.result == "200 200 200 200 open"
    assert re.findall(rb'"path": "(/.)"', heard.raw) == [b"/a", b"/b", b"/d"]


@pytest.mark.parametrize("path", ["/crash", "/nothing", "/inject"])
def test_an_application_without_an_answer_is_an_error_of_ours(served: Served, path: str) -> None:
    heard = served.get(path)
    assert heard.result == "500 close"
    assert "x-b" not in heard.last[0]
    assert served.get("/").result == "200 open"
    assert "words of a prompt" not in served.process.tail()


@pytest.mark.conformance(92)
@pytest.mark.parametrize("path", ["/crash-amid", "/return-amid"])
def test_an_answer_that_breaks_off_cannot_be_taken_for_whole(served: Served, path: str) -> None:
    heard = served.get(path)
    assert (heard.statuses, heard.end) == ([200], CLOSE)
    assert heard.raw.endswith(b"4\r\nhalf\r\n")
    assert served.ask(f"GET {path} HTTP/1.0\r\n\r\n".encode(), answers=10**6).end == RESET


def test_no_header_of_the_clients_sets_the_root_path_or_passes_for_another(served: Served) -> None:
    heard = served.get("/", "Daphne-Root-Path: /evil\r\nX_Forwarded_For: 10.9.8.7\r\nX-Forwarded-For: 10.9.8.7\r\n")
    told = json.loads(heard.last[1])
    assert (told["root_path"], told["client"][0]) == ("", "127.0.0.1")
    assert ["x_forwarded_for", "10.9.8.7"] not in told["headers"]


def test_behind_a_proxy_of_ours_the_client_is_whom_it_names(serve: Callable[..., Served]) -> None:
    heard = serve(proxies=1).get("/", "X-Forwarded-For: 10.9.8.7, 192.0.2.1\r\n")
    assert json.loads(heard.last[1])["client"] == ["192.0.2.1", 0]


def test_head_has_the_headers_of_get_and_no_body(served: Served) -> None:
    heard = served.ask(request("HEAD", "/"))
    assert (heard.result, heard.last[1]) == ("200 open", b"")
    assert int(heard.last[0]["content-length"]) > 0


def test_an_upgrade_that_is_not_taken_keeps_the_requests_body(served: Served) -> None:
    headers = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 3\r\n"
    heard = served.ask(request("POST", "/", headers, b"abc"))
    assert (heard.statuses, heard.end) == ([200], OPEN)
    assert json.loads(heard.last[1])["length"] == 3


def test_an_older_client_that_asks_to_upgrade_is_answered_in_its_own_version(served: Served) -> None:
    heard = served.ask(b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert heard.result == "200 close"
    assert json.loads(heard.last[1])["http_version"] == "1.0"


@pytest.mark.conformance(1)
def test_an_answer_that_names_no_request_is_given_a_name(served: Served) -> None:
    assert served.get("/").last[0]["x-request-id"].startswith("req_")
    assert served.get("/", "X-Request-Id: mine-1\r\n").last[0]["x-request-id"] == "mine-1"
    assert served.get("/", "X-Request-Id: <>\r\n").last[0]["x-request-id"].startswith("req_")
