"""The sandbox's tokenizer: simple, exact and reversible. The pieces of a text joined are the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every character is a word character, white space or neither, so nothing falls between the alternatives.
_PIECE = re.compile(r" ?[0-9A-Za-z_]{1,8}| ?\w{1,2}|\s{1,8}|[^\w\s]")


def pieces(text: str) -> Iterator[str]:
    """Yield the tokens of `text`, in order."""
    return (match[0] for match in _PIECE.finditer(text))


def count(text: str) -> int:
    return sum(1 for _ in _PIECE.finditer(text))
