"""What the tests ask, and what a client may have seen of it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.chaos.answers import HELLO
from tests.wire.asking import MODEL, alike, chunks

if TYPE_CHECKING:
    from tests.chaos.world import Record, Server, World
    from tests.fakes.stack import Member

PLAIN: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read the authorities' certificates takes 20 ms a request


@dataclass(frozen=True, slots=True)
class Broken:
    """A stream that ended with an error: what came before it, and how it was told."""

    before: bytes
    tokens: int
    code: str


def ask(server: Server, payer: Member, mine: str = "", **asked: Any) -> httpx.Response:
    """Ask for a stream, or for what is `asked`, and return the bytes that came."""
    body = {"model": MODEL, "messages": HELLO, "stream": True} | asked
    headers = {"Authorization": f"Bearer {payer.key}"} | ({"X-Request-Id": mine} if mine else {})
    url = f"{server.base}/chat/completions"
    return httpx.post(url, json=body, headers=headers, timeout=20, trust_env=False, verify=PLAIN)


def healthy(world: World, server: Server, payer: Member) -> bytes:
    """End all faults; return what a client is sent when there is none."""
    world.calm()
    answer = ask(server, payer)
    assert answer.status_code == 200
    return alike(answer.content)


def broken(body: bytes) -> Broken:
    """Read a stream that must end with an error, and with no `[DONE]` behind it."""
    assert b"[DONE]" not in body
    before, _, last = body.rstrip().rpartition(b"\n\n")
    (failure,) = chunks(last + b"\n\n")
    assert failure["choices"][0]["finish_reason"] == "error"
    said = [chunk["choices"][0]["delta"] for chunk in chunks(before)]
    tokens = [one for one in said if one.get("content") or one.get("reasoning_content")]
    return Broken(alike(before), len(tokens), failure["error"]["code"])


def price(record: Record) -> int:
    return (record.prompt - record.cached) * 900 + record.cached * 180 + record.completion * 3_900


def second_answered(world: World, mine: str, *, fault: str, status: int = 0) -> Record:
    """Return the record of a request that the second upstream answered whole, after that fault of the first."""
    record = world.record(mine)
    (served,) = world.second.calls(mine)
    assert (record.outcome, record.upstream, record.attempts, record.status) == ("completed", "second", 2, 200)
    assert record.tries == [("first", fault, status), ("second", "", 200)], record.tries
    assert (served.reason, served.tokens, served.prompt_tokens) == ("finish", record.completion, record.prompt)
    assert record.cost == price(record)
    return record
