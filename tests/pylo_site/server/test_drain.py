"""SIGTERM: nothing new begins, what runs may end, and a second one means now."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.fakes.probing import CLOSE
from tests.pylo_site.server.conftest import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pylo_site.server.conftest import Served


def begun(served: Served) -> socket.socket:
    """Open a line and have a stream of two seconds run on it."""
    line = socket.create_connection(("127.0.0.1", served.port), timeout=10)
    line.sendall(request("GET", "/stream"))
    assert line.recv(1000).startswith(b"HTTP/1.1 200")
    return line


def terminate(served: Served) -> None:
    os.kill(served.process.pid, signal.SIGTERM)
    assert served.noted("drain 30", "drain 0.3")


def ended(served: Served) -> int:
    return served.process._child.wait(10)


@pytest.mark.conformance(142)
def test_a_stream_that_runs_goes_on_to_its_end_and_nothing_new_begins(serve: Callable[..., Served]) -> None:
    served = serve(drain_seconds=30)
    with begun(served) as line:
        terminate(served)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", served.port))
        heard = served.rest(line)
    assert heard.raw.endswith(b"6\r\nwhole\n\r\n0\r\n\r\n")
    assert ended(served) == 0
    assert served.notes() == ["drain 30", "whole", "close"]


@pytest.mark.conformance(142)
def test_at_the_deadline_the_gateway_ends_what_still_runs(serve: Callable[..., Served]) -> None:
    served = serve(drain_seconds=0.3)
    with begun(served) as line:
        terminate(served)
        assert served.rest(line).raw.endswith(b"6\r\nended\n\r\n0\r\n\r\n")
    assert ended(served) == 0
    assert served.notes() == ["drain 0.3", "ended", "close"]


def test_a_second_signal_ends_it_at_once(serve: Callable[..., Served]) -> None:
    served = serve(drain_seconds=30)
    with begun(served) as line:
        terminate(served)
        os.kill(served.process.pid, signal.SIGTERM)
        assert b"whole" not in served.rest(line).raw
    assert ended(served) == 0
    assert served.notes() == ["drain 30", "close"]


@pytest.mark.parametrize("half", [b"POST / HT", request("POST", "/", "Content-Length: 100\r\n", b"{")])
def test_a_request_that_is_half_sent_is_refused_and_holds_nothing_up(serve: Callable[..., Served], half: bytes) -> None:
    served = serve(drain_seconds=30)
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(half)
        assert served.get("/").result == "200 open"  # the half was read before
        terminate(served)
        heard = served.rest(line)
        assert heard.result == "503 close"
        assert heard.last[0]["retry-after"] == "1"
    assert ended(served) == 0
    assert served.notes() == ["drain 30", "close"]


def test_a_request_that_was_on_its_way_is_the_lines_last(serve: Callable[..., Served]) -> None:
    served = serve(drain_seconds=30)
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(request("GET", "/"))
        assert line.recv(10000).startswith(b"HTTP/1.1 200")
        terminate(served)
        line.sendall(request("GET", "/"))
        heard = served.rest(line)
    assert heard.result == "200 close"
    assert heard.last[0]["connection"] == "close"
    assert ended(served) == 0


def test_a_line_that_waits_is_closed_at_once(serve: Callable[..., Served]) -> None:
    served = serve(drain_seconds=30)
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(request("GET", "/"))
        assert line.recv(10000).startswith(b"HTTP/1.1 200")
        terminate(served)
        assert served.rest(line).end == CLOSE
    assert ended(served) == 0
