"""How events become bytes: every way that servers have been seen to write them, and some that the format allows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sandbox.chunks import DONE

COMMENT = b": ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """`{"kind": "spelling", …}` with any of these; the defaults are what most servers write."""

    space: bool = True  # after "data:"
    crlf: bool = False
    comments: bool = False  # a comment and an empty line before each event
    ids: bool = False  # an "id:" line in each event
    retry: bool = False  # a "retry:" line alone before the first event
    named: bool = False  # an "event: message" line in each event
    lines: bool = False  # the JSON over several "data:" lines
    padded: bool = False  # a space after [DONE]
    no_done: bool = False  # the stream ends after the finish
    unended: bool = False  # the last event lacks its empty line
    size: int = 0  # bytes that the first event with a token is blown up to
    step: int = 0  # bytes that are written at once; 0: whole events

    def start(self) -> bytes:
        return b"retry: 1000\n\n" if self.retry else b""

    def event(self, data: str) -> bytes:
        end = b"\r\n" if self.crlf else b"\n"
        said = [(COMMENT, b"")] if self.comments else []
        fields = [b"id: 1"] if self.ids else []
        fields += [b"event: message"] if self.named else []
        prefix = b"data: " if self.space else b"data:"
        fields += [prefix + line for line in self._lines(data)]
        return b"".join(line + end for line in [*(part for pair in said for part in pair), *fields, b""])

    def last(self) -> bytes:
        """Return the end of a stream that ended well."""
        if self.no_done:
            return b""
        done = self.event(DONE + " " if self.padded else DONE)
        return done.removesuffix(b"\r\n" if self.crlf else b"\n") if self.unended else done

    def blown_up(self, data: str) -> str:
        """Pad an event's JSON with a field nobody reads."""
        missing = self.size - len(data.encode("utf-8", "replace")) - len(',"pad":""')
        return f'{data[:-1]},"pad":"{"x" * missing}"}}' if missing > 0 else data

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut bytes into what is written at once."""
        step = self.step or len(data)
        return [data[at : at + step] for at in range(0, len(data), step)] if data else [data]

    def _lines(self, data: str) -> list[bytes]:
        spread = json.dumps(json.loads(data), ensure_ascii=False, indent=0) if self.lines and data[0] == "{" else data
        return spread.encode("utf-8", "replace").split(b"\n")
