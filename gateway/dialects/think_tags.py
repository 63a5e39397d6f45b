"""Reasoning that a server without a parser leaves in the content, as `<think>…</think>`: found and set apart. Pure.

Only at the very start of an answer, so that an answer may speak of the tag; and however the text was cut.
"""

from __future__ import annotations

OPENS = "<think>"
CLOSES = "</think>"


class ThinkTags:
    """Feed it the content as it comes; it gives back what of it is reasoning and what is content."""

    def __init__(self) -> None:
        self._held = ""
        self._inside = False
        self.settled = False  # nothing that follows can be reasoning

    def feed(self, text: str) -> tuple[str, str]:
        """Return (reasoning, content); what may be a part of a tag is held until it is known."""
        if self.settled:
            return "", text
        self._held += text
        return self._closing() if self._inside else self._opening()

    def flush(self) -> tuple[str, str]:
        """Return what is still held, at the end or when something else begins; then all is settled."""
        held, self._held, self.settled = self._held, "", True
        return (held, "") if self._inside else ("", held)

    def _opening(self) -> tuple[str, str]:
        begun = self._held.lstrip()
        if begun.startswith(OPENS):
            self._held, self._inside = begun.removeprefix(OPENS), True
            return self._closing()
        return ("", "") if OPENS.startswith(begun) else self.flush()

    def _closing(self) -> tuple[str, str]:
        reasoning, closed, content = self._held.partition(CLOSES)
        if closed:
            self._held, self.settled = "", True
            return reasoning, content
        keep = next(size for size in range(len(CLOSES) - 1, -1, -1) if self._held.endswith(CLOSES[:size]))
        cut = len(self._held) - keep
        reasoning, self._held = self._held[:cut], self._held[cut:]
        return reasoning, ""
