"""Both sides of a dialect for its tests: what it asks of an upstream, and what it reads from one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.dialects import DIALECTS
from gateway.validation import parse

if TYPE_CHECKING:
    from gateway.deltas import Delta
    from gateway.dialects.exchanges import Exchange, Reader

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "look_up"}}
NAMES = tuple(DIALECTS)
OPEN = ("vllm", "sglang", "together")
OF_KIMI = ("moonshot", *OPEN)
REASONING_FIELD = {
    "moonshot": "reasoning_content",
    "vllm": "reasoning",
    "sglang": "reasoning_content",
    "together": "reasoning",
}


def exchange(dialect: str, *, tenant: str = "tenant", **body: Any) -> Exchange:
    asked = {"model": "moonshotai/kimi-k2.6", "messages": [USER]} | body
    return DIALECTS[dialect].exchange(parse(json.dumps(asked).encode()), "the-model", tenant)


def ask(dialect: str, *, tenant: str = "tenant", **body: Any) -> dict[str, Any]:
    """Return the body that goes to the upstream."""
    spelled: dict[str, Any] = json.loads(exchange(dialect, tenant=tenant, **body).body)
    return spelled


def reader(dialect: str, **body: Any) -> Reader:
    return exchange(dialect, **body).reader


def read(of: Reader, delta: dict[str, Any], **choice: Any) -> Delta | None:
    return of.read(b"message", json.dumps({"choices": [{"index": 0, "delta": delta, **choice}]}).encode())


def certain(delta: Delta | None) -> Delta:
    assert delta is not None
    return delta


def calls_of(deltas: list[Delta | None]) -> list[tuple[str, str, str]]:
    """Put fragments together as a client does: (id, name, arguments), in the order of their index."""
    found: dict[int, tuple[str, str, str]] = {}
    for fragment in [fragment for delta in deltas if delta for fragment in delta.tools]:
        if fragment.id is None:
            identity, name, arguments = found[fragment.index]
            found[fragment.index] = (identity, name, arguments + fragment.arguments)
        else:
            assert fragment.index not in found
            assert fragment.name
            found[fragment.index] = (fragment.id, fragment.name, fragment.arguments)
    assert list(found) == list(range(len(found)))
    return list(found.values())
