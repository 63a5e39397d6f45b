"""A WebSocket is Daphne's from its handshake on."""

from __future__ import annotations

import os
import signal
import socket
import struct
from typing import TYPE_CHECKING

from tests.pylo_site.server.conftest import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pylo_site.server.conftest import Served

UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 §1.3
KEY = b"\x01\x02\x03\x04"


def frame(text: bytes) -> bytes:
    """Return a client's text frame: masked, RFC 6455 §5.2."""
    return b"\x81" + struct.pack("B", 0x80 | len(text)) + KEY + bytes(c ^ KEY[i % 4] for i, c in enumerate(text))


def read(line: socket.socket) -> bytes:
    head = line.recv(2, socket.MSG_WAITALL)
    assert head[0] == 0x81
    return line.recv(head[1], socket.MSG_WAITALL)


def read_head(line: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += line.recv(1)
    return head


def test_a_websocket_speaks_and_its_end_is_told(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(request("GET", "/ws", UPGRADE + "Origin: null\r\n", frame(b"early")))
        head = read_head(line)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert ACCEPT in head
        assert read(line) == b"127.0.0.1 null"
        assert read(line) == b"early"
        line.sendall(frame("größer".encode()))
        assert read(line) == "größer".encode()
    assert served.noted("websocket 1006")


def test_a_websocket_that_the_application_refuses_is_a_403(served: Served) -> None:
    assert served.get("/refuse", UPGRADE).statuses == [403]


def test_a_header_that_daphne_would_read_as_two_is_refused(served: Served) -> None:
    raw = request("GET", "/ws", UPGRADE + "A: b\x85Origin: http://evil.example\r\n")
    assert served.ask(raw.decode().encode("latin-1")).result == "400 close"


def test_a_websocket_is_told_when_the_server_goes(serve: Callable[..., Served]) -> None:
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(request("GET", "/ws", UPGRADE))
        read_head(line)
        assert read(line) == b"127.0.0.1 -"
        os.kill(served.process.pid, signal.SIGTERM)
        assert line.recv(4, socket.MSG_WAITALL) == b"\x88\x02" + struct.pack(">H", 1001)
    assert served.process._child.wait(10) == 0
