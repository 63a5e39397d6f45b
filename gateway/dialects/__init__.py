"""The dialects of the chat API that upstreams speak, by the name the upstreams' file uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.dialects import moonshot

if TYPE_CHECKING:
    from gateway.deltas import Delta
    from gateway.schema import Chat


class Reader(Protocol):
    """Reads one answer; `done` once the upstream said so."""

    @property
    def done(self) -> bool: ...

    def read(self, name: bytes, data: bytes) -> Delta | None: ...


class Dialect(Protocol):
    """A module with both directions."""

    def request(self, chat: Chat, model: str, tenant: str) -> bytes:
        """Spell the request; `tenant` is an opaque name of the workspace, to keep its users and caches apart."""
        ...

    def Reader(self) -> Reader: ...  # noqa: N802 - a class in the module


DIALECTS: dict[str, Dialect] = {"moonshot": moonshot}
