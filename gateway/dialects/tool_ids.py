"""The ids of tool calls in a history, as the model was trained on them: `functions.{name}:{index}`. Pure.

The index counts on through the conversation. Another id in the history makes the open-weight model call worse
(K2-Vendor-Verifier), and a conversation may have begun with another upstream; so each is written anew, and its answer
with it.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_OPENAI_ID = 40


def canonical(name: str, index: int) -> str:
    return f"functions.{name}:{index}"


class Ids(Protocol):
    """Names the calls of one conversation, in its order."""

    def calls(self, given: Iterable[tuple[str, str]]) -> list[str]:
        """Return the ids of one message's calls, which come as pairs of the client's id and the tool's name."""
        ...

    def answer(self, given: str) -> str:
        """Return the id that the next answer to the client's id `given` is sent under."""
        ...


class CanonicalIds:
    """The model's own ids. An id that the history never opened stays as it is."""

    def __init__(self) -> None:
        self._count = 0
        self._open: dict[str, deque[str]] = {}

    def calls(self, given: Iterable[tuple[str, str]]) -> list[str]:
        sent: list[str] = []
        opened: dict[str, deque[str]] = {}
        for identity, name in given:
            sent.append(canonical(name, self._count))
            opened.setdefault(identity, deque()).append(sent[-1])
            self._count += 1
        self._open |= opened  # a host that counts anew in each turn repeats ids: the latest call is the one answered
        return sent

    def answer(self, given: str) -> str:
        waiting = self._open.get(given)
        if not waiting:
            return given
        return waiting.popleft() if len(waiting) > 1 else waiting[0]


class OpenAIIds:
    """The client's own ids; OpenAI takes any of at most 40 characters, so a longer one is hashed."""

    def calls(self, given: Iterable[tuple[str, str]]) -> list[str]:
        return [self.answer(identity) for identity, _ in given]

    def answer(self, given: str) -> str:
        if len(given) <= LONGEST_OPENAI_ID:
            return given
        return f"call_{blake2b(given.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}"
