"""What a client's bytes must be: one upstream's tokens in order, one end, and no word of anybody's error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tests.simulation import limits, purses

if TYPE_CHECKING:
    from tests.simulation.clients import Exchange
    from tests.simulation.network import Call

MARK = re.compile(rb"~([a-z]+)\.([0-9-]+)\.([0-9]+)~")
FINISH = re.compile(rb'"finish_reason":"([a-z_]+)"')
DONE = b"data: [DONE]\n\n"


def check(exchange: Exchange, calls: list[Call]) -> None:
    body = b"".join(exchange.received)

    def must(rule: str, what: str, *, hold: bool) -> None:
        if not hold:
            exchange.world.broken(rule, what, exchange.serial)

    shown = MARK.findall(body)
    must("mixing", f"tokens of more than one call: {shown}", hold=len({mark[:2] for mark in shown}) <= 1)
    must("mixing", "an upstream's own words were passed on", hold=b"CANARY" not in body)
    must("answer", "an internal error", hold=b'"code":"internal_error"' not in body)
    finishes = [reason.decode() for reason in FINISH.findall(body)]
    answering = calls[-1] if calls else None
    if shown and answering is not None:
        name, label = answering.name.encode(), answering.label.encode()
        must("mixing", "tokens of another call", hold=shown[0][:2] == (name, label))
        _in_order(exchange, answering, [int(number) for _, _, number in shown])
    must("ending", f"several finishes: {finishes}", hold=len(finishes) <= 1)
    if finishes and finishes != ["error"]:
        told = answering.finish if answering is not None else ""
        must("ending", f"{finishes} where the upstream said {told!r}", hold=finishes == [told])
    if exchange.status != 200:
        _refusal(exchange, body)
    elif exchange.plan.stream:
        _stream(exchange, body, finishes)
    elif exchange.complete:
        whole: Any = msgspec.json.decode(body)
        must("ending", "a whole answer without an end", hold=len(finishes) == 1 and "choices" in whole)
    ended = exchange.complete or exchange.cut or exchange.gone or exchange.dead
    must("answer", "the answer never ended", hold=ended)
    must("answer", "no status was sent", hold=bool(exchange.status) or exchange.gone or exchange.dead)


def _in_order(exchange: Exchange, call: Call, numbers: list[int]) -> None:
    """The tokens shown are the first that came, without those that the client wanted hidden, and without a gap."""
    first = call.turn.reasoning if exchange.plan.hides else 0
    expected = list(range(first, first + len(numbers)))
    if sorted(numbers) != expected or (exchange.plan.stream and numbers != expected):
        exchange.world.broken("mixing", f"tokens {numbers} were shown, not {expected}", exchange.serial)
    if first + len(numbers) > call.tokens:
        exchange.world.broken("mixing", "more tokens than came", exchange.serial)
    if is_whole(exchange) and first + len(numbers) < call.tokens:
        exchange.world.broken("mixing", f"{len(numbers)} of {call.tokens} tokens were shown", exchange.serial)


def is_whole(exchange: Exchange) -> bool:
    """Whether the client has an answer with its end."""
    if exchange.status != 200 or not exchange.complete:
        return False
    return exchange.received[-1].endswith(DONE) if exchange.plan.stream else True


def _stream(exchange: Exchange, body: bytes, finishes: list[str]) -> None:
    done = body.count(DONE)
    failed = finishes == ["error"] or b'data: {"error":' in body
    holds = done <= 1 and not (done and failed)
    if exchange.complete:
        holds = holds and (done == 1) != failed and (not done or body.endswith(DONE))
        holds = holds and (not done or len(finishes) == 1)
    if not holds:
        exchange.world.broken("ending", f"the stream ends with {body[-200:]!r}", exchange.serial)
    for event in body.split(b"\n\n")[:-1]:
        if not event.startswith((b"data: {", b"data: [DONE]", b": keep-alive")):
            exchange.world.broken("ending", f"no event: {event[:80]!r}", exchange.serial)


def _refusal(exchange: Exchange, body: bytes) -> None:
    if exchange.gone or exchange.dead:
        return
    error: Any = msgspec.json.decode(body)["error"]
    limits.of_a_refusal(exchange, error["code"])
    purses.of_a_refusal(exchange.world, error["code"], exchange.serial)
    keys = set(error) - ({"charged"} if error["code"] == "request_already_completed" else set())
    if keys != {"message", "type", "param", "code"} or exchange.status < 400:
        exchange.world.broken("answer", f"{exchange.status} with {body[:100]!r}", exchange.serial)
    after = exchange.headers.get(b"retry-after")
    if after is not None and not 1 <= int(after) <= 59:
        exchange.world.broken("answer", f"Retry-After {after!r}", exchange.serial)
