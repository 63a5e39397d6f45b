"""What an upstream does with one call: drawn as events, then cut into the pieces that the wire delivers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.usage import Tokens
    from tests.simulation.dice import Dice

EVENT_STREAM = (("content-type", "text/event-stream; charset=utf-8"),)
DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n"
ROLE = b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
EMPTY_DELTA = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":null},"finish_reason":null}]}\n\n'
LAST_LINES = (b"\n\n", b"\r\n\r\n", b"\r\n\r")  # of an event: a CR alone ends a line too
ERROR = b'data: {"error":{"message":"CANARY","type":"server_error"}}\n\n'


class Opening(StrEnum):
    """How far a call comes before its headers."""

    ANSWERS = "answers"
    REFUSED = "refused"  # at once
    UNREACHABLE = "unreachable"  # until the dial gives up
    RESET = "reset"  # connected, and cut before the headers
    SILENT = "silent"  # connected, and no header ever


class Ending(StrEnum):
    END = "end"
    CUT = "cut"
    HANG = "hang"


class Event(NamedTuple):
    """A server-sent event, `at` seconds after the headers."""

    at: float
    data: bytes
    token: bool = False
    finish: str = ""
    usage: Tokens | None = None


class Piece(NamedTuple):
    """Bytes that arrive together, and what is whole once they have."""

    at: float
    data: bytes
    tokens: int
    finish: str
    usage: Tokens | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    kind: str
    opening: Opening = Opening.ANSWERS
    latency: float = 0.01  # before the headers, or before what happens instead of them
    status: int = 200
    headers: tuple[tuple[str, str], ...] = EVENT_STREAM
    events: tuple[Event, ...] = ()
    ending: Ending = Ending.END
    reasoning: int = 0  # of its tokens, the first that only reason
    pieces: tuple[Piece, ...] = field(default=(), repr=False)

    def on_the_wire(self, dice: Dice) -> Turn:
        """Cut the events into pieces: one each, or wherever the bytes happen to be cut."""
        newline = b"\r\n" if dice.chance(0.1) else b"\n"
        events = self.events
        if newline != b"\n":
            events = tuple(event._replace(data=event.data.replace(b"\n", newline)) for event in events)
        return replace(self, pieces=tuple(_cut(events, dice) if dice.chance(0.3) else _whole(events)))


def mark(name: str, label: str, number: int) -> str:
    """Name a token after the upstream, the call and its place in the answer."""
    return f"~{name}.{label}.{number}~"


def _whole(events: Sequence[Event]) -> list[Piece]:
    pieces, tokens, finish, usage = [], 0, "", None
    for event in events:
        tokens, finish, usage = tokens + event.token, event.finish or finish, event.usage or usage
        pieces.append(Piece(event.at, event.data, tokens, finish, usage))
    return pieces


def _cut(events: Sequence[Event], dice: Dice) -> list[Piece]:
    """Split some events in two, and let the end of one arrive with the beginning of the next."""
    pieces: list[Piece] = []
    before = Piece(0.0, b"", 0, "", None)
    for whole in _whole(events):
        at = max(whole.at, before.at)
        if dice.chance(0.5):
            middle = dice.randrange(len(whole.data) + 1)
            heard = whole if whole.data[:middle].endswith(LAST_LINES) else before
            pieces.append(heard._replace(at=at, data=before.data + whole.data[:middle]))
            at += dice.random() * 0.02
        else:
            middle = 0
            if before.data:
                pieces.append(before)
        before = whole._replace(at=at, data=whole.data[middle:])
        if dice.chance(0.7):
            pieces.append(before)
            before = before._replace(data=b"")
    return [*pieces, *([before] if before.data else [])]
