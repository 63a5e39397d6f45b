"""The sandbox upstream: Kimi K2.6 without a model, in five dialects. `python -m sandbox.upstream --help`.

`/v1` and `/moonshot/v1`, `/vllm/v1`, `/sglang/v1`, `/together/v1` and `/openai/v1` are base addresses of one model;
each refuses what the real servers of its dialect refuse (`sandbox.wires`). Faults are ordered on `/control/faults`
(`sandbox.faults`). Asked for "three rounds", it calls a tool in each of three answers before the last one.
"""

from __future__ import annotations

import argparse
import json
import secrets
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox import chat, faults
from sandbox.answers import script
from sandbox.breakage import REPLACEMENTS
from sandbox.cache import PrefixCache
from sandbox.chunks import Chunks, text
from sandbox.connection import JSON, ClientGone, Connection, Receive, Scope, Send
from sandbox.playing import Pace, Play
from sandbox.refusals import Refusal
from sandbox.tokens import count, pieces
from sandbox.truth import Served, Truth
from sandbox.wires import WIRES, wire_at
from sandbox.wires.wire import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.wires.wire import Wire

MODEL: Final = "kimi-k2.6"
CREATED: Final = 1_776_643_200
OVERHEAD: Final = 3  # tokens of every prompt
OVERHEAD_PER_MESSAGE: Final = 4
NOT_FOUND: Final = Refusal(404, "resource_not_found_error", "The requested resource was not found")
UNAUTHORIZED: Final = Refusal(401, "invalid_authentication_error", "Invalid Authentication")


class Upstream:
    """The ASGI application; its state is the truth so far, the faults to come and the prefixes seen."""

    def __init__(self, truth: Truth, pace: Pace, clock: Callable[[], float]) -> None:
        self._truth = truth
        self._pace = pace
        self._clock = clock
        self._faults = faults.Queue()
        self._cache = PrefixCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = Connection(scope, receive, send)
        wire, path = wire_at(line.path)
        spoken = wire or WIRES["moonshot"]
        try:
            await self._route(line, spoken, path if wire else "")
        except Refusal as refusal:
            await _refuse(line, spoken, refusal)
        except ClientGone:
            return

    async def _route(self, line: Connection, wire: Wire, path: str) -> None:
        if line.path.startswith("/control/"):
            await self._control(line)
        elif (line.method, path) == ("GET", "/v1/models"):
            _authorize(line)
            card = {"id": MODEL, "object": "model", "created": CREATED, "owned_by": wire.owner}
            await line.answer_json(200, {"object": "list", "data": [card]})
        elif (line.method, path) == ("POST", "/v1/chat/completions"):
            await self._chat(line, wire)
        else:
            raise NOT_FOUND

    async def _control(self, line: Connection) -> None:
        body = await line.body()
        match line.method, line.path:
            case "GET", "/control/truth":
                await line.answer(200, JSON, self._truth.sums.as_json().encode())
            case "POST", "/control/faults":
                try:
                    queued = self._faults.extend([faults.parse(one) for one in json.loads(body)["faults"]])
                except (ValueError, KeyError, TypeError) as error:
                    raise Refusal(400, "invalid_request_error", f"no faults: {error}") from None
                await line.answer_json(200, {"queued": queued})
            case "DELETE", "/control/faults":
                self._faults.clear()
                await line.answer_json(200, {"queued": 0})
            case _:
                raise NOT_FOUND

    async def _chat(self, line: Connection, wire: Wire) -> None:
        served = self._truth.open(line.header("x-pylo-request-id"), line.header("x-request-id"))
        body = await line.body()
        async with line.watched():
            try:
                reason = await self._serve(line, wire, served, body)
            except ClientGone:
                reason = "client_gone"
            except Refusal as refusal:
                await _refuse(line, wire, refusal)
                reason = "refused"
            served.end(reason)

    async def _serve(self, line: Connection, wire: Wire, served: Served, body: bytes) -> str:
        fault = self._fault(line)
        _authorize(line)
        asked = chat.parse(body, MODEL, wire)
        prompt = sum(map(count, asked.words)) + OVERHEAD_PER_MESSAGE * asked.messages + OVERHEAD
        if fault is not None and fault.replaces:
            served.start(prompt, 0)
            await REPLACEMENTS[fault.kind](line, fault, wire)
            return fault.kind
        cached = self._cache.cached(chain.from_iterable(map(pieces, asked.words)))
        served.start(prompt, cached)
        said = script(asked)
        play = Play(
            line=line,
            served=served,
            chunks=Chunks(wire, f"chatcmpl-{secrets.token_hex(12)}", int(self._clock()), MODEL),
            script=said,
            finish=wire.finish(said, named=asked.choice not in {"auto", "none", "required"}),
            usage=Usage(prompt, cached, len(said.tokens), said.reasoning_tokens),
            pace=self._pace.under(fault),
            fault=fault,
        )
        return await play.streamed(include_usage=asked.include_usage) if asked.stream else await play.whole()

    def _fault(self, line: Connection) -> faults.Fault | None:
        header = line.header("x-sandbox-fault")
        if not header:
            return self._faults.take()
        try:
            return faults.parse_header(header)
        except faults.BadFault as error:
            raise Refusal(400, "invalid_request_error", str(error)) from None


async def _refuse(line: Connection, wire: Wire, refusal: Refusal) -> None:
    await line.answer(refusal.status, JSON, text(wire.error(refusal)).encode())


def _authorize(line: Connection) -> None:
    scheme, _, key = line.header("authorization").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise UNAUTHORIZED


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--truth", type=Path, required=True, help="the log of what was served, appended to")
    parser.add_argument("--tokens-per-second", type=float, default=80, help="0: as fast as it goes")
    parser.add_argument("--first-token-ms", type=float, default=150)
    given = parser.parse_args()
    from sandbox.server import serve  # noqa: PLC0415 - importing Daphne installs its reactor

    given.truth.parent.mkdir(parents=True, exist_ok=True)
    with given.truth.open("a", encoding="utf-8") as file:
        pace = Pace(given.first_token_ms / 1000, given.tokens_per_second)
        serve(Upstream(Truth(file, time.time), pace, time.time), given.host, given.port)


if __name__ == "__main__":
    main()
