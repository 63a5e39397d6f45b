"""Draws of everything that upstreams do wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.simulation.answers import good
from tests.simulation.dice import Dice
from tests.simulation.turns import (
    COMMENT,
    DONE,
    EMPTY_DELTA,
    ERROR,
    EVENT_STREAM,
    ROLE,
    Ending,
    Event,
    Opening,
    Turn,
)

Draw = Callable[[Turn, Dice], Turn]
JSON = (("content-type", "application/json"),)
RETRY_AFTER = (
    *("1", "7", "59", "60", "3600", "0", "-1", "1.5", "soon", ""),
    *("Thu, 01 Jan 2099 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 30),
)
STATUSES = (401, 402, 403, 404, 408, 409, 418, 302, 500, 502, 503, 504, 529)
DEADLINE = 8.0


def _status(turn: Turn, dice: Dice) -> Turn:
    return _answers(turn, dice.choice(STATUSES), b'{"error":{"message":"CANARY"}}')


def _blames(turn: Turn, dice: Dice) -> Turn:
    body = dice.choice((b"", b'{"error":{"message":"maximum context length"}}', b'{"error":"content_filter"}'))
    return _answers(turn, dice.choice((400, 413, 422)), body)


def _throttles(turn: Turn, dice: Dice) -> Turn:
    body = b'{"error":{"type":"exceeded_current_quota_error"}}' if dice.chance(0.1) else b""
    headers = (*JSON, ("retry-after", dice.choice(RETRY_AFTER))) if dice.chance(0.8) else JSON
    if dice.chance(0.2):
        headers = (*headers, ("retry-after-ms", "1500"))
    return replace(_answers(turn, 429, body), headers=headers)


def _answers(turn: Turn, status: int, body: bytes) -> Turn:
    return replace(turn, kind=f"status {status}", status=status, headers=JSON, events=(Event(0.0, body),))


def _refuses(turn: Turn, dice: Dice) -> Turn:
    return replace(turn, opening=dice.choice((Opening.REFUSED, Opening.UNREACHABLE, Opening.RESET)))


def _never_answers(turn: Turn, dice: Dice) -> Turn:
    return replace(turn, opening=Opening.SILENT)


def _headers_alone(turn: Turn, dice: Dice) -> Turn:
    return replace(turn, events=(), ending=Ending.HANG)


def _chatters(turn: Turn, dice: Dice) -> Turn:
    """Say something again and again that is no token."""
    words, gap = dice.choice(((COMMENT,), (ROLE,), (EMPTY_DELTA, COMMENT), (ROLE, EMPTY_DELTA))), dice.uniform(0.5, 4)
    events = tuple(Event(gap * number, words[number % len(words)]) for number in range(int(40 / gap)))
    return replace(turn, events=events, ending=Ending.HANG)


def _only_a_role(turn: Turn, dice: Dice) -> Turn:
    return replace(turn, events=(Event(0.0, ROLE), Event(0.0, EMPTY_DELTA)), ending=dice.choice(tuple(Ending)))


def _at_the_deadline(turn: Turn, dice: Dice) -> Turn:
    late = DEADLINE - turn.latency + dice.choice((-0.05, -0.001, 0.0, 0.001, 0.05))
    return replace(turn, events=_moved(turn.events, late - _first_at(turn.events)))


def _too_late(turn: Turn, dice: Dice) -> Turn:
    return replace(turn, events=_moved(turn.events, dice.uniform(6, 20)))


def _breaks(turn: Turn, dice: Dice) -> Turn:
    """Cut, stall or end the answer anywhere: before its first token, amid them, behind its finish."""
    kept = turn.events[: dice.randrange(len(turn.events) + 1)]
    ending = dice.choice((Ending.CUT, Ending.HANG, Ending.END))
    return replace(turn, events=kept, ending=ending)


def _garbage(turn: Turn, dice: Dice) -> Turn:
    body = dice.choice(
        (b"<html>CANARY</html>", b"data: CANARY\n\n", b"\xff\xfe\x00", b'data: {"choices":7}\n\n', b"{}")
    )
    headers = dice.choice((EVENT_STREAM, (("content-type", "text/html"),), ()))
    kept = turn.events[: dice.randrange(len(turn.events) + 1)] if headers is EVENT_STREAM and dice.chance(0.6) else ()
    return replace(turn, headers=headers, events=(*kept, Event(_last_at(kept), body)))


def _error_event(turn: Turn, dice: Dice) -> Turn:
    kept = turn.events[: dice.randrange(len(turn.events))]
    error = dice.choice((ERROR, b"event: error\ndata: {}\n\n", b'data: {"object":"error","message":"CANARY"}\n\n'))
    return replace(turn, events=(*kept, Event(_last_at(kept), error)), ending=dice.choice(tuple(Ending)))


def _odd_finish(turn: Turn, dice: Dice) -> Turn:
    kept = tuple(event for event in turn.events if not event.finish and event.data != DONE)
    odd = dice.choice(('"abort"', '"unexpected_state"', '""'))
    data = f'data: {{"choices":[{{"index":0,"delta":{{}},"finish_reason":{odd}}}]}}\n\n'.encode()
    return replace(turn, events=(*kept, Event(_last_at(kept), data), Event(_last_at(kept), DONE)))


def _no_tokens(turn: Turn, dice: Dice) -> Turn:
    return replace(turn, events=tuple(event for event in turn.events if not event.token), reasoning=0)


def _empty(turn: Turn, dice: Dice) -> Turn:
    return replace(turn, events=(Event(0.0, DONE),) if dice.chance(0.5) else ())


def _crawls(turn: Turn, dice: Dice) -> Turn:
    gaps = [dice.choice((2.0, 12.0, 29.0, 29.95, 30.05, 40.0)) if event.token else 0.0 for event in turn.events]
    events: list[Event] = []
    late = 0.0
    for event, gap in zip(turn.events[:8], gaps, strict=False):
        late += gap if late or (event.token and events and events[-1].token) else 0.0
        events.append(event._replace(at=event.at + late))
    return replace(turn, events=tuple(events))


FAULTS: Mapping[Draw, float] = {
    _status: 4,
    _blames: 0.7,
    _throttles: 4,
    _refuses: 3,
    _never_answers: 2,
    _headers_alone: 2,
    _chatters: 2,
    _only_a_role: 2,
    _at_the_deadline: 3,
    _too_late: 1,
    _breaks: 8,
    _garbage: 2,
    _error_event: 2,
    _odd_finish: 1,
    _no_tokens: 1,
    _empty: 1,
    _crawls: 2,
}
DOWN: Mapping[Draw, float] = {_refuses: 1}
HANGING: Mapping[Draw, float] = {_never_answers: 3, _headers_alone: 1, _chatters: 1}
FAILING: Mapping[Draw, float] = {_status: 1}
THROTTLING: Mapping[Draw, float] = {_throttles: 1}
OUTAGES: Mapping[str, Mapping[Draw, float]] = {
    "down": DOWN,
    "hanging": HANGING,
    "failing": FAILING,
    "throttling": THROTTLING,
    "anything": FAULTS,
}


def bad(dice: Dice, name: str, label: str, faults: Mapping[Draw, float] = FAULTS) -> Turn:
    """Draw a good answer and spoil it."""
    draw = dice.of(faults)
    turn = draw(good(dice, name, label), dice)
    kind = turn.kind if turn.status != 200 else draw.__name__.strip("_")
    return replace(turn, kind=kind)


def _first_at(events: tuple[Event, ...]) -> float:
    return next((event.at for event in events if event.token), 0.0)


def _last_at(events: tuple[Event, ...]) -> float:
    return events[-1].at if events else 0.0


def _moved(events: tuple[Event, ...], late: float) -> tuple[Event, ...]:
    return tuple(event._replace(at=max(event.at + late, 0.0)) for event in events)
