"""What a dialect makes of one request: the body to send, and the reader of its one answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gateway.deltas import Delta


class Reader(Protocol):
    """Reads one answer and knows what was asked; `done` once the upstream said so."""

    @property
    def done(self) -> bool: ...

    def read(self, name: bytes, data: bytes) -> Delta | None:
        """Return what the event says, None when that is nothing; raise `UpstreamFault` at an error or nonsense."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and the answer to come."""

    body: bytes = field(repr=False)
    reader: Reader
