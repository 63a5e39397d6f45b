"""Daphne's request with its body in memory: Twisted's own puts one of 100 000 bytes, or of no length, into a file."""

from __future__ import annotations

from io import BytesIO

from daphne.http_protocol import WebRequest

ROOT_PATH = b"Daphne-Root-Path"


class Body(BytesIO):
    """Holds one byte more than `most`, so that the application sees it is too long, and lets go of the rest."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._room = most + 1

    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # Twisted writes bytes only
        kept = super().write(data[: self._room])
        self._room -= kept
        return len(data)


class Request(WebRequest):
    most_body_bytes = 0  # `Server` makes a subclass with the setting

    def gotLength(self, length: int | None) -> None:  # noqa: ARG002, N802 - Twisted's name and signature
        self.content = Body(self.most_body_bytes)

    def process(self) -> None:
        self.requestHeaders.removeHeader(ROOT_PATH)  # Daphne would take a client's word for where the site begins
        super().process()
