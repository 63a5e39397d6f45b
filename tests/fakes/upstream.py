"""A scripted upstream: an httpx transport in memory, and a server on a real socket. It notes what it was asked."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13, "cached_tokens": 4}
DONE = b"data: [DONE]\n\n"
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
COMMENT = b": keep-alive\n\n"
ERROR = b'data: {"error":{"message":"the prompt was CANARY","type":"server_error"}}\n\n'


MOST_READ = 65_536


class Act(Enum):
    """What an upstream does beside sending bytes and pausing for seconds."""

    HANG = "hang"
    CUT = "cut"


Step = bytes | float | Act


@dataclass
class Turn:
    """The answer to one call. `refuse` answers nothing at all; `HANG` as `before` never sends the headers."""

    steps: Sequence[Step] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    before: Sequence[float | Act] = ()
    refuse: bool = False


@dataclass
class Call:
    """One call as the upstream saw it."""

    url: str
    headers: dict[str, str]
    body: bytes
    sent: int = 0  # steps
    closed: bool = False
    closed_at: float | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def close(self) -> None:
        if not self.closed:
            self.closed, self.closed_at = True, asyncio.get_running_loop().time()
            self._closing.set()

    async def gone(self) -> None:
        """Return when the caller has closed the connection."""
        async with asyncio.timeout(2):
            await self._closing.wait()


def event(delta: dict[str, Any], **choice: Any) -> bytes:
    chunk = {"id": "upstream-1", "model": "kimi", "choices": [{"index": 0, "delta": delta, **choice}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def content(text: str) -> bytes:
    return event({"content": text})


def reasoning(text: str) -> bytes:
    return event({"reasoning_content": text})


def finish(reason: str = "stop", usage: dict[str, Any] | None = None) -> bytes:
    """Moonshot's last chunk: the usage is inside the choice."""
    return event({}, finish_reason=reason, usage=USAGE if usage is None else usage)


def good(*texts: str, gap: float = 0.0) -> Turn:
    paced: list[Step] = [step for text in texts for step in (gap, content(text))]
    return Turn([ROLE, *paced, finish(), DONE])


class ScriptedTransport(httpx.AsyncBaseTransport):
    """Plays one turn a call, the last one again and again."""

    def __init__(self, *turns: Turn) -> None:
        self.turns = list(turns)
        self.calls: list[Call] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        call = Call(str(request.url), dict(request.headers), body)
        self.calls.append(call)
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        if turn.refuse:
            raise httpx.ConnectError("refused")
        for step in turn.before:
            await _pause(step)
        return httpx.Response(turn.status, headers=turn.headers, stream=_Stream(turn, call))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, turn: Turn, call: Call) -> None:
        self._turn = turn
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._turn.steps:
            if step is Act.CUT:
                raise httpx.ReadError("cut")
            if isinstance(step, bytes):
                self._call.sent += 1
                yield step
            else:
                await _pause(step)

    async def aclose(self) -> None:
        self._call.close()


async def _pause(step: float | Act) -> None:
    if step is Act.HANG:
        await asyncio.Event().wait()
    elif isinstance(step, float | int):
        await asyncio.sleep(step)


class SocketUpstream:
    """The same script over HTTP/1.1 on a socket; sees the connection being closed."""

    def __init__(self, *turns: Turn) -> None:
        self.turns = list(turns)
        self.calls: list[Call] = []
        self.base_url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[SocketUpstream]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            data = await reader.read(MOST_READ)
            while data:
                data = await self._answer(data, reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Play a turn; return the beginning of the next request, or nothing when the caller closed."""
        while b"\r\n\r\n" not in data:
            data += await reader.read(MOST_READ)
        head, _, body = data.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body += await reader.readexactly(int(headers.get("content-length", "0")) - len(body))
        call = Call(start.split(" ")[1], headers, body)
        self.calls.append(call)
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(self._play(turn, call, writer))
            try:
                following = await reader.read(MOST_READ)  # nothing, when the caller closes
            finally:
                playing.cancel()
        if not following:
            call.close()
        return following

    async def _play(self, turn: Turn, call: Call, writer: asyncio.StreamWriter) -> None:
        for pause in turn.before:
            await _pause(pause)
        head = "".join(f"{name}: {value}\r\n" for name, value in turn.headers.items())
        writer.write(f"HTTP/1.1 {turn.status} X\r\n{head}transfer-encoding: chunked\r\n\r\n".encode())
        for step in turn.steps:
            if step is Act.CUT:
                writer.transport.abort()
                return
            if isinstance(step, bytes):
                writer.write(b"%x\r\n%s\r\n" % (len(step), step))
                await writer.drain()
                call.sent += 1
            else:
                await _pause(step)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
