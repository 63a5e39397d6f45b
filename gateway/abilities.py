"""Which parameters of sampling take effect, by the dialects of the upstreams that may serve. Pure.

A list promises only what holds whichever upstream serves: an aggregator routes by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANY: Final = frozenset({"max_tokens", "stop"})
OPENAI: Final = ANY | {"temperature", "top_p", "frequency_penalty", "presence_penalty", "seed"}
OPEN_SERVERS: Final = OPENAI | {"top_k", "min_p", "repetition_penalty"}
TAKEN: Final[Mapping[str, frozenset[str]]] = {
    "moonshot": ANY,  # sampling is fixed there
    "openai": OPENAI,
    "sglang": OPEN_SERVERS,
    "together": OPEN_SERVERS,
    "vllm": OPEN_SERVERS,
}


def sampling(dialects: Iterable[str]) -> tuple[str, ...]:
    """Return what takes effect on every one of the dialects, sorted."""
    return tuple(sorted(frozenset.intersection(*[TAKEN[name] for name in dialects] or [ANY])))
