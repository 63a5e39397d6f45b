"""Watches the tool calls of one answer: arguments that are no JSON object are the upstream's mistake. Pure.

They reach the client as they came. How many there were is a sign of an upstream's health, not of the request's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.deltas import ToolFragment

_arguments = msgspec.json.Decoder(dict[str, Any])


class Calls:
    """Collects the arguments of each call."""

    def __init__(self) -> None:
        self._pieces: dict[int, list[str]] = {}

    def saw(self, fragments: Iterable[ToolFragment]) -> None:
        for fragment in fragments:
            self._pieces.setdefault(fragment.index, []).append(fragment.arguments)

    def bad(self) -> int:
        """Return how many calls, in a finished answer, have arguments that no tool can be called with."""
        return sum(not is_object("".join(pieces)) for pieces in self._pieces.values())


def is_object(text: str) -> bool:
    """Say whether a call's arguments are what they have to be."""
    try:
        _arguments.decode(text)
    except (ValueError, RecursionError):
        return False
    return True
