"""A client on a bare socket: it stops reading, hangs up halfway, or sends a byte at a time."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Self
from urllib.parse import urlsplit

from tests.wire.asking import MODEL

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
PATIENCE = 20.0


def request(key: str, mine: str, *, messages: Any, stream: bool = True) -> tuple[bytes, bytes]:
    """Spell a request for an answer: its head and its body."""
    body = json.dumps({"model": MODEL, "messages": messages, "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"X-Request-Id: {mine}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


class Caller:
    """One connection. `leave` says how it ends."""

    def __init__(self, base: str, *, takes: int = 0) -> None:
        self.socket = socket.socket()
        if takes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", urlsplit(base).port or 0))
        self.read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def until(self, word: bytes) -> bytes:
        """Read until `word` came; return all that was read."""
        while word not in self.read:
            piece = self.socket.recv(65_536)
            assert piece, f"the server hung up before {word!r}: {self.read[-300:]!r}"
            self.read += piece
        return self.read

    def until_the_end(self) -> bytes:
        while piece := self.socket.recv(65_536):
            self.read += piece
        return self.read

    def leave(self, *, reset: bool) -> None:
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()

    def say_no_more(self) -> None:
        """Close the way to the server alone."""
        self.socket.shutdown(socket.SHUT_WR)
