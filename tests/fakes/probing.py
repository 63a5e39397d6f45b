"""Bytes onto a socket, and what comes back: how many answers, with which statuses, and whether the line stays open."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Final

STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
PATIENCE: Final = 5.0  # seconds for an answer that has to come
QUIET: Final = 0.2  # seconds of silence after which a line counts as open
OPEN, CLOSE, RESET = "open", "close", "reset"


@dataclass(frozen=True, slots=True)
class Heard:
    """All that came back."""

    raw: bytes
    end: str

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in STATUS.findall(self.raw)]

    @property
    def result(self) -> str:
        """For example `200 400 close`."""
        return " ".join([*map(str, self.statuses), self.end])

    @property
    def last(self) -> tuple[dict[str, str], bytes]:
        """The last answer's headers, in lower case, and its body."""
        start = [match.start() for match in STATUS.finditer(self.raw)][-1]
        head, _, body = self.raw[start:].partition(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        return {name.lower(): value.strip() for name, _, value in lines}, body


def probe(port: int, sent: bytes, *, answers: int = 1, patience: float = PATIENCE) -> Heard:
    """Send, then listen until the line is closed, or silent after that many answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as line:
        line.sendall(sent)
        return listen(line, answers=answers, patience=patience)


def listen(line: socket.socket, *, answers: int = 1, patience: float = PATIENCE) -> Heard:
    raw = b""
    while True:
        line.settimeout(QUIET if len(STATUS.findall(raw)) >= answers else patience)
        try:
            piece = line.recv(65536)
        except TimeoutError:
            return Heard(raw, OPEN)
        except ConnectionResetError:
            return Heard(raw, RESET)
        if not piece:
            return Heard(raw, CLOSE)
        raw += piece
