"""Drives an ASGI application as a server would, and can hang up in the middle of its answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.errors import BrokenOff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from gateway.asgi import App, Message, Scope


@dataclass
class Answer:
    """What came back, message by message, with the loop's time of each."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    complete: bool = False
    cut: bool = False  # the connection was cut amid the answer

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json()["error"]
        return error

    def events(self) -> list[Any]:
        """The JSON of each `data:` event, and "[DONE]"."""
        lines = [line for line in self.body.decode().split("\n\n") if line.startswith("data: ")]
        return [line[6:] if line == "data: [DONE]" else json.loads(line[6:]) for line in lines]

    def text(self) -> str:
        choices = [choice for event in self.events() if event != "[DONE]" for choice in event.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


class Caller:
    """One client's connection to `app`; it takes `reads_after` seconds to read what it is sent."""

    def __init__(self, app: App, headers: Sequence[tuple[str, str]] = (), *, reads_after: float = 0.0) -> None:
        self._app = app
        self._headers = headers
        self._reads_after = reads_after

    def scope(self, method: str, path: str, headers: Sequence[tuple[str, str]]) -> Scope:
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in (*self._headers, *headers)]
        return {"type": "http", "method": method, "path": path, "headers": pairs, "query_string": b""}

    async def __call__(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        *,
        headers: Sequence[tuple[str, str]] = (),
        hang_up_at: int | None = None,
        hang_up_after: float | None = None,
    ) -> Answer:
        """Call; leave with the `hang_up_at`-th message of the body, or after so many seconds."""
        answer = Answer()
        gone = asyncio.Event()
        parts = [body] if isinstance(body, bytes) else list(body)
        loop = asyncio.get_running_loop()
        if hang_up_after is not None:
            loop.call_later(hang_up_after, gone.set)

        async def receive() -> Message:
            if parts:
                part = parts.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(parts)}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                return
            answer.chunks.append(message["body"])
            answer.times.append(loop.time())
            answer.complete = not message["more_body"]
            if self._reads_after:
                await asyncio.sleep(self._reads_after)
            if answer.complete or len(answer.chunks) == hang_up_at:
                gone.set()  # servers tell of a disconnect after the end of an answer too

        answer.cut = await self._cut(self._app(self.scope(method, path, headers), receive, send))
        return answer

    async def _cut(self, serving: Awaitable[None]) -> bool:
        """Serve; say whether the application wants the connection to be cut."""
        try:
            await serving
        except BrokenOff:
            return True
        return False
