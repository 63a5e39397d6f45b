"""The dialects the sandbox upstream speaks, by the first step of the path: `/vllm/v1`; `/v1` alone is Moonshot's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.wires.moonshot import Moonshot
from sandbox.wires.openai import OpenAI
from sandbox.wires.sglang import SGLang
from sandbox.wires.together import Together
from sandbox.wires.vllm import VLLM

if TYPE_CHECKING:
    from sandbox.wires.wire import Wire

WIRES: Final[dict[str, Wire]] = {wire.name: wire for wire in (Moonshot(), VLLM(), SGLang(), Together(), OpenAI())}


def wire_at(path: str) -> tuple[Wire | None, str]:
    """Return the dialect that a path is of, and the path inside its API."""
    first, slash, rest = path.removeprefix("/").partition("/")
    if first in WIRES:
        return WIRES[first], slash + rest
    return (WIRES["moonshot"] if first == "v1" else None), path
