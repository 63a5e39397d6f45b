"""Tool names an upstream refuses, adapted on the way up and restored on the way down. Pure.

OpenAI allows 1 to 64 letters, digits, _ and -. Moonshot wants three at least, and neither digit nor hyphen first.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOONSHOTS = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{2,63}")
ANY = re.compile(r".*", re.DOTALL)
PREFIX = "tool_"
LONGEST = 64


class ToolNames:
    """Both directions for the names of one request. A name that fits stays; the others depend on themselves alone."""

    def __init__(self, names: Iterable[str], fits: re.Pattern[str] = ANY) -> None:
        given = dict.fromkeys(names)
        self._sent = {name: name for name in given if fits.fullmatch(name)}
        self._restored = dict(self._sent)
        for name in given:
            if name not in self._sent:
                self._sent[name] = self._adapted(name)
                self._restored[self._sent[name]] = name

    def _adapted(self, name: str) -> str:
        adapted = PREFIX + name
        attempt = 0
        while len(adapted) > LONGEST or adapted in self._restored:
            digest = blake2b(name.encode(), digest_size=8, salt=attempt.to_bytes(2, "big")).hexdigest()
            adapted, attempt = PREFIX + digest, attempt + 1
        return adapted

    def sent(self, name: str) -> str:
        return self._sent.get(name, name)

    def restored(self, name: str) -> str:
        return self._restored.get(name, name)

    def is_whole(self, name: str) -> bool:
        """Whether `name`, as sent, is a tool's and not the beginning of another's; with no tools, any name is."""
        if not self._restored:
            return True
        return name in self._restored and not any(other != name and other.startswith(name) for other in self._restored)

    def begins(self, name: str) -> bool:
        """Whether a tool's name, as sent, begins so."""
        return any(other.startswith(name) for other in self._restored)
