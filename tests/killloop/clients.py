"""Clients that ask without end, some of which leave early; each remembers what it was given, token by token."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.wire.asking import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.fakes.stack import Member

HERE: Final = "127.0.0.1"
LEAVES: Final = 0.15  # of the clients, before their answer is whole
STREAMS: Final = 0.7
TRIES: Final = 3
PATIENCE: Final = 30.0  # seconds for an answer
PAUSE: Final = 0.2  # before asking again


@dataclass(slots=True)
class Seen:
    """One request as its client saw it; `tries` is how often it was sent, under the same id."""

    request_id: str
    workspace: str
    streams: bool
    tries: int = 0
    status: int = 0
    tokens: int = 0
    finish: str = ""  # the finish reason that it was told
    usage: int | None = None  # completion tokens that it was told
    error: str = ""
    left: bool = False
    ids: set[str] = field(default_factory=set)  # of answers: each try that was answered has its own

    @property
    def whole(self) -> bool:
        return bool(self.finish) and not self.error and not self.left


class Clients:
    """So many at once, on the ports of servers that come and go."""

    def __init__(self, ports: Sequence[int], members: Sequence[Member], seed: int) -> None:
        self._ports = ports
        self._members = members
        self._seed = seed
        self.seen: list[Seen] = []

    async def ask(self, count: int, over: Callable[[], bool]) -> None:
        """Ask until it is over; what runs then is answered to its end."""
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self._client(number, over))

    async def _client(self, number: int, over: Callable[[], bool]) -> None:
        dice = random.Random(f"{self._seed}-{number}")
        asked = 0
        while not over():
            asked += 1
            member = dice.choice(self._members)
            seen = Seen(f"kill-{number}-{asked}", member.workspace, dice.random() < STREAMS)
            self.seen.append(seen)
            leaves_after = dice.randrange(1, 40) if dice.random() < LEAVES else None
            await self._request(seen, member.key, dice, leaves_after)
            await asyncio.sleep(dice.random() * 0.05)

    async def _request(self, seen: Seen, key: str, dice: random.Random, leaves_after: int | None) -> None:
        asked = {
            "model": MODEL,
            "stream": seen.streams,
            "messages": [{"role": "user", "content": f"{seen.request_id}: count to {dice.randrange(10, 60)}"}],
        }
        if seen.streams and dice.random() < 0.5:
            asked["stream_options"] = {"include_usage": True}
        body = json.dumps(asked).encode()
        for _ in range(TRIES):
            seen.tries += 1
            again = await self._try(seen, spelled(key, seen.request_id, body), dice.choice(self._ports), leaves_after)
            if not again:
                return
            await asyncio.sleep(PAUSE)

    async def _try(self, seen: Seen, request: bytes, port: int, leaves_after: int | None) -> bool:
        """Send it once; return whether an SDK would send it again."""
        seen.status, seen.tokens, seen.finish, seen.usage, seen.error = 0, 0, "", None, ""
        answer = Answer(seen)
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(HERE, port)
                try:
                    writer.write(request)
                    while piece := await reader.read(65_536):
                        answer.feed(piece)
                        if leaves_after is not None and seen.tokens >= leaves_after and not seen.finish:
                            seen.left = True
                            return False
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            answer.broke = type(error).__name__
        answer.end()
        return answer.again


class Answer:
    """Reads an answer as its bytes come, chunked or of a known length."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._raw = b""
        self._events = b""
        self._headers: dict[bytes, bytes] | None = None
        self.broke = ""

    @property
    def again(self) -> bool:
        """Whether the SDK of OpenAI sends it again: it was not answered, or told so."""
        if self._headers is None:
            return True
        told = self._headers.get(b"x-should-retry")
        if told is not None:
            return told == b"true"
        return self._seen.status in {408, 409, 429} or self._seen.status >= 500

    def feed(self, piece: bytes) -> None:
        self._raw += piece
        if self._headers is None:
            head, found, rest = self._raw.partition(b"\r\n\r\n")
            if not found:
                return
            self._read_head(head)
            self._raw = rest
        if self._seen.streams and self._seen.status == 200:
            self._read_events()

    def end(self) -> None:
        """Judge what has come, when nothing more does."""
        if self._headers is None:
            self._seen.error = self.broke or "no answer"
        elif self._seen.status != 200:
            self._seen.error = f"status {self._seen.status}"
        elif not self._seen.streams:
            self._read_whole()
        elif not self._seen.finish and not self._seen.error:
            self._seen.error = self.broke or "cut"

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        self._seen.status = int(first.split()[1])
        self._headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        self._seen.ids.add(self._headers.get(b"x-pylo-request-id", b"").decode().removeprefix("req_"))

    def _read_events(self) -> None:
        *whole, self._raw = self._raw.split(b"\n\n")
        for event in whole:
            data = event.rpartition(b"data: ")[2]
            if not event.endswith(data) or data.strip() == b"[DONE]" or not data.startswith(b"{"):
                continue
            self._read_chunk(json.loads(data))

    def _read_chunk(self, chunk: Any) -> None:
        seen = self._seen
        if "error" in chunk:
            seen.error = str(chunk["error"].get("code"))
            return
        for choice in chunk["choices"]:
            delta = choice["delta"]
            seen.tokens += bool(delta.get("content")) or bool(delta.get("reasoning_content"))
            seen.finish = choice["finish_reason"] or seen.finish
        if chunk.get("usage"):
            seen.usage = chunk["usage"]["completion_tokens"]

    def _read_whole(self) -> None:
        try:
            answer = json.loads(unchunked(self._raw, self._headers or {}))
        except ValueError:
            self._seen.error = self.broke or "cut"
            return
        self._seen.finish = answer["choices"][0]["finish_reason"]
        self._seen.usage = self._seen.tokens = answer["usage"]["completion_tokens"]


def unchunked(raw: bytes, headers: dict[bytes, bytes]) -> bytes:
    """Return a body without its chunks' sizes; of one that ends too early, what cannot be JSON."""
    if headers.get(b"transfer-encoding") != b"chunked":
        return raw if len(raw) >= int(headers.get(b"content-length", b"0")) else b""
    body, rest = b"", raw
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            return body
        body, rest = body + rest[:length], rest[length + 2 :]
    return b""


def spelled(key: str, name: str, body: bytes) -> bytes:
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
        f"X-Request-Id: {name}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def table(seen: Iterable[Seen]) -> dict[str, int]:
    """Count what clients saw, by its end."""
    counts: dict[str, int] = {}
    for each in seen:
        name = "whole" if each.whole else "left" if each.left else each.error
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))
