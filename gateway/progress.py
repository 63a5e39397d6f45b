"""How far running requests are: a slot each in a mapped file, overwritten in place before anything is forwarded.

A frame for each forward would fill the journal with what the next one makes worthless. What is in a mapped page is the
kernel's, and outlives a kill of the process; a power cut may lose it. Then an interrupted request is recorded with
fewer tokens, and it is free in any case.

A slot is eight words of 64 bits, each written at once: the uid in two, the tokens in two, and where they are from.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from gateway.usage import Tokens, UsageSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOTS = 4096  # of a file; more requests at once make another one
WORDS = 8
SIZE = SLOTS * WORDS * 8
NAME = "*.progress"
HALF = 2**32
SOURCES = (UsageSource.NONE, UsageSource.COUNTED, UsageSource.UPSTREAM)
NUMBERS = {source: number for number, source in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class Noted:
    tokens: Tokens
    source: UsageSource


class Progress:
    """The slots of one process, in the directory of its journal."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._maps: list[mmap.mmap] = []
        self._words: list[memoryview[int]] = []
        self._free: list[tuple[memoryview[int], int]] = []
        self._slots: dict[UUID, tuple[memoryview[int], int]] = {}
        self._add_file()

    def note(self, uid: UUID, tokens: Tokens, source: UsageSource) -> None:
        """Write how far a request is; raise `OSError` where one more has no place on the disk."""
        if (slot := self._slots.get(uid)) is not None:
            words, at = slot
            _write(words, at, tokens, source)
            return
        if not self._free:
            self._add_file()
        words, at = self._slots[uid] = self._free.pop()
        _write(words, at, tokens, source)
        words[at], words[at + 1] = uid.int >> 64, uid.int & (2**64 - 1)  # last: what is not whole is nobody's

    def end(self, uid: UUID) -> None:
        """The request is settled: its slot is another's."""
        if (slot := self._slots.pop(uid, None)) is not None:
            words, at = slot
            words[at] = words[at + 1] = 0
            self._free.append(slot)

    def close(self) -> None:
        self._slots.clear()
        self._free.clear()
        while self._maps:
            self._words.pop().release()
            self._maps.pop().close()

    def _add_file(self) -> None:
        path = self._directory / f"{len(self._maps) + 1:04d}.progress"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(file, 0, SIZE)  # a page that finds the disk full when it is written ends the process
            mapped = mmap.mmap(file, SIZE)
        finally:
            os.close(file)
        words = memoryview(mapped).cast("Q")
        self._maps.append(mapped)
        self._words.append(words)
        self._free += ((words, at) for at in range((SLOTS - 1) * WORDS, -1, -WORDS))


def _write(words: memoryview[int], at: int, tokens: Tokens, source: UsageSource) -> None:
    words[at + 2] = tokens.prompt * HALF + tokens.cached
    words[at + 3] = tokens.completion * HALF + tokens.reasoning
    words[at + 4] = NUMBERS[source]


def read(directory: Path) -> dict[UUID, Noted]:
    """Return what a process, which may have been killed, noted last of each request that was not settled."""
    return dict(noted for path in sorted(directory.glob(NAME)) for noted in _read(path.read_bytes()))


def _read(data: bytes) -> Iterator[tuple[UUID, Noted]]:
    words = memoryview(data[: len(data) // 64 * 64]).cast("Q")
    for at in range(0, len(words), WORDS):
        high, low, asked, given, source = words[at : at + 5]
        if (high or low) and source < len(SOURCES):
            prompt, completion = divmod(asked, HALF), divmod(given, HALF)
            yield UUID(int=(high << 64) | low), Noted(Tokens(*prompt, *completion), SOURCES[source])
