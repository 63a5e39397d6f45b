"""Draws of answers: good ones, of every shape that upstreams give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.usage import Tokens
from tests.simulation.turns import COMMENT, DONE, EMPTY_DELTA, ROLE, Event, Turn, mark

if TYPE_CHECKING:
    from tests.simulation.dice import Dice

PACES = {0.0: 4, 0.02: 6, 0.3: 3, 2.0: 1}  # seconds between tokens, on average
FINISHES = {"stop": 10, "length": 2, "content_filter": 0.5}
WHERE = {"choice": 4, "chunk": 2, "own": 4, "twice": 1, "none": 1, "null": 0.5, "negative": 0.3, "huge": 0.3}
NEGATIVE = '{"prompt_tokens":-5,"completion_tokens":-3,"total_tokens":-8}'
HUGE = '{"prompt_tokens":1000000000000000000,"completion_tokens":1,"total_tokens":1000000000000000001}'


def good(dice: Dice, name: str, label: str, *, thinks: bool = True) -> Turn:
    """Draw an answer that is whole."""
    pace = dice.of(PACES)
    count = dice.randint(1, 12) if pace < 1 else dice.randint(1, 5)
    reasoning = dice.randint(0, count) if thinks and dice.chance(0.4) else 0
    at = dice.random() * 0.5 if dice.chance(0.9) else dice.random() * 6
    events = [Event(0.0, ROLE)] if dice.chance(0.8) else []
    for number in range(count):
        if dice.chance(0.05):
            events.append(Event(at, dice.choice((COMMENT, EMPTY_DELTA, ROLE))))
        events.append(token(at, mark(name, label, number), reasons=number < reasoning))
        at += pace * dice.random() * 2
    events += ending(dice, at, count)
    kind = f"{count} tokens"
    return Turn(kind=kind, latency=dice.random() * 0.2, events=tuple(events), reasoning=reasoning)


def token(at: float, text: str, *, reasons: bool = False) -> Event:
    field = "reasoning_content" if reasons else "content"
    data = f'data: {{"id":"c","choices":[{{"index":0,"delta":{{"{field}":"{text}"}}}}]}}\n\n'
    return Event(at, data.encode(), token=True)


def ending(dice: Dice, at: float, count: int) -> list[Event]:
    """Draw the finish, the usage and the [DONE], of which only the finish is sure to come."""
    finish, where = dice.of(FINISHES), dice.of(WHERE)
    prompt = dice.randint(1, 90)
    tokens = Tokens(prompt=prompt, cached=dice.randint(0, prompt), completion=count + dice.randint(0, 3))
    behind = at + dice.random() * 3 if dice.chance(0.1) else at
    odd = {"null": "null", "negative": NEGATIVE, "huge": HUGE}
    said = odd.get(where) or usage_json(tokens)
    told = None if where in odd else tokens
    if where == "choice":
        events = [_finish(at, finish, inside=said, usage=told)]
    elif where == "none":
        events = [_finish(at, finish)]
    elif where == "own":
        events = [_finish(at, finish), Event(behind, _usage(said), usage=told)]
    elif where == "twice":
        less = Tokens(prompt=tokens.prompt, cached=0, completion=max(tokens.completion - 1, 0))
        first = Event(at, _usage(usage_json(less)), usage=less)
        events = [first, _finish(at, finish), Event(behind, _usage(said), usage=told)]
    else:
        events = [_finish(at, finish, beside=said, usage=told)]
    return [*events, *([Event(behind, DONE)] if dice.chance(0.9) else [])]


def usage_json(tokens: Tokens) -> str:
    return (
        f'{{"prompt_tokens":{tokens.prompt},"completion_tokens":{tokens.completion},'
        f'"total_tokens":{tokens.prompt + tokens.completion},"cached_tokens":{tokens.cached},'
        f'"completion_tokens_details":{{"reasoning_tokens":0}}}}'
    )


def _finish(at: float, reason: str, *, inside: str = "", beside: str = "", usage: Tokens | None = None) -> Event:
    choice = f'"index":0,"delta":{{}},"finish_reason":"{reason}"' + (f',"usage":{inside}' if inside else "")
    chunk = f'"id":"c","choices":[{{{choice}}}]' + (f',"usage":{beside}' if beside else "")
    return Event(at, f"data: {{{chunk}}}\n\n".encode(), finish=reason, usage=usage)


def _usage(said: str) -> bytes:
    return f'data: {{"id":"c","choices":[],"usage":{said}}}\n\n'.encode()
