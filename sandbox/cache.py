"""The prefix cache: which beginnings of prompts were seen before. It keeps a bounded number of hashes, no text."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 64  # tokens
CAPACITY = 65_536  # blocks


class PrefixCache:
    """Counts the tokens of a prompt's longest prefix of whole blocks seen before, then remembers the prompt."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached(self, tokens: Iterator[str]) -> int:
        hit = 0
        unbroken = True
        for digest in _chain(tokens):
            unbroken = unbroken and digest in self._seen
            hit += BLOCK if unbroken else 0
            self._seen[digest] = None
            self._seen.move_to_end(digest)
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return hit

    def __len__(self) -> int:
        return len(self._seen)


def _chain(tokens: Iterator[str]) -> Iterator[bytes]:
    """Yield a digest for each whole block, over it and all before it."""
    digest = b""
    while len(block := list(islice(tokens, BLOCK))) == BLOCK:
        words = "\0".join(block).encode("utf-8", "surrogatepass")
        digest = blake2b(digest + words, digest_size=16).digest()
        yield digest
