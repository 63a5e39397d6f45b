"""The answers of an upstream that is broken before its first token, one small function for each kind of fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.chunks import DONE, Chunks, text
from sandbox.connection import EVENTS, HTML, JSON, Connection
from sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.faults import Fault
    from sandbox.wires.wire import Wire

COMMENT_EVERY = 0.25  # seconds
NOISE: Final = bytes(range(256)) * 8
PAGE: Final = b"<!doctype html><title>Just a moment</title><p>Checking your browser."


def error(fault: Fault, wire: Wire) -> str:
    return text(wire.error(Refusal(fault.status, fault.type, fault.message)))


async def refuse(line: Connection, fault: Fault, wire: Wire) -> None:
    headers = JSON + (((b"retry-after", fault.retry_after.encode()),) if fault.retry_after else ())
    await line.answer(fault.status, headers, error(fault, wire).encode())


async def _hang(line: Connection, _: Fault, __: Wire) -> None:
    await line.hang()


async def _silence(line: Connection, _: Fault, __: Wire) -> None:
    await line.start(200, EVENTS)
    await line.write(b"")
    await line.hang()


async def _comments(line: Connection, _: Fault, __: Wire) -> None:
    await line.start(200, EVENTS)
    while True:
        await line.write(b": keep-alive\n\n")
        await line.wait(COMMENT_EVERY)


async def _role_then_error(line: Connection, fault: Fault, wire: Wire) -> None:
    await line.start(200, EVENTS)
    await line.write(fault.spelling.event(text(Chunks(wire, "chatcmpl-broken", 0, "kimi-k2.6").role())))
    await line.finish(fault.spelling.event(error(fault, wire)))


async def _error_first(line: Connection, fault: Fault, wire: Wire) -> None:
    await _events(line, fault, error(fault, wire), DONE)


async def _flat_error(line: Connection, fault: Fault, _: Wire) -> None:
    await _events(
        line, fault, '{"object":"error","message":"out of memory","type":"InternalServerError","code":500}', DONE
    )


async def _empty(line: Connection, fault: Fault, _: Wire) -> None:
    await _events(line, fault)


async def _only_done(line: Connection, fault: Fault, _: Wire) -> None:
    await _events(line, fault, DONE)


async def _html(line: Connection, _: Fault, __: Wire) -> None:
    await line.answer(200, HTML, PAGE)


async def _json(line: Connection, _: Fault, __: Wire) -> None:
    await line.answer(200, JSON, b'{"object":"chat.completion","choices":[]}')


async def _redirect(line: Connection, _: Fault, __: Wire) -> None:
    await line.answer(302, ((b"location", b"http://127.0.0.1:9/elsewhere"),), b"")


async def _garbage(line: Connection, _: Fault, __: Wire) -> None:
    await line.start(200, EVENTS)
    await line.finish(NOISE)


async def _events(line: Connection, fault: Fault, *data: str) -> None:
    await line.start(200, EVENTS)
    await line.finish(b"".join(fault.spelling.event(one) for one in data))


REPLACEMENTS: Final[dict[str, Callable[[Connection, Fault, Wire], Awaitable[None]]]] = {
    "status": refuse,
    "hang": _hang,
    "silence": _silence,
    "comments": _comments,
    "role_then_error": _role_then_error,
    "error_first": _error_first,
    "flat_error": _flat_error,
    "empty": _empty,
    "only_done": _only_done,
    "html": _html,
    "json": _json,
    "redirect": _redirect,
    "garbage": _garbage,
}
