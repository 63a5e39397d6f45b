"""The dialects of the chat API that upstreams speak, by the name the upstreams' file uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.dialects import moonshot, openai, sglang, together, vllm

if TYPE_CHECKING:
    from gateway.dialects.exchanges import Exchange
    from gateway.schema import Chat


class Dialect(Protocol):
    """A module with both directions."""

    def exchange(self, chat: Chat, model: str, tenant: str) -> Exchange:
        """Spell the request; `tenant` is an opaque name of the workspace, to keep its users and caches apart."""
        ...


DIALECTS: dict[str, Dialect] = {
    "moonshot": moonshot,
    "vllm": vllm,
    "sglang": sglang,
    "together": together,
    "openai": openai,
}
