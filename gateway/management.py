"""The management API, which is not the gateway's: it asks the application behind it, for whom the key belongs to.

What comes from outside ends here. That application is told the path and whose key it was, in the scope, and sees no
header, cookie, query or body; of its answer the status, the JSON and what is said about retries go back. So every rule
of /v1 holds for it: keys, ids, headers, errors, the log.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import InternalError, Overloaded, RequestNotFound
from gateway.uids import chosen_id

if TYPE_CHECKING:
    from gateway.asgi import App, Message, Receive, Reply, Request
    from gateway.errors import Headers
    from gateway.ports import Principal

MOST_AT_ONCE = 8  # in a process: each takes a thread and a connection to Postgres, which the portal needs too
KEPT = frozenset({b"cache-control", b"retry-after", b"retry-after-ms", b"x-should-retry"})


def _nothing_to_read() -> Receive:
    """Return a client that has sent its request and stays: that it may leave is `Request.connected`'s to see."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            await asyncio.Event().wait()
        told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


class _Answer:
    """Gathers what the application sends."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(bytes(name).lower(), bytes(value)) for name, value in message["headers"]]
        else:
            self.body += message.get("body", b"")

    @property
    def is_json(self) -> bool:
        return any(name == b"content-type" and b"application/json" in value for name, value in self.headers)


class Management:
    """`host` is one that the application answers to; `secure` says that the public URL is https."""

    def __init__(self, app: App, host: str, *, secure: bool) -> None:
        self._app = app
        self._host = host.encode("ascii")
        self._scheme = "https" if secure else "http"
        self._running = 0

    async def request(self, name: str, request: Request, reply: Reply, principal: Principal) -> None:
        """Answer with one of the workspace's requests, by an id of either kind."""
        if chosen_id([name.encode("utf-8", "replace")]) is None:
            raise RequestNotFound
        await self._ask(f"/v1/requests/{name}", request, reply, principal)

    async def _ask(self, path: str, request: Request, reply: Reply, principal: Principal) -> None:
        if self._running >= MOST_AT_ONCE:
            raise Overloaded("Too many requests of the management API at once.", retry_after=1, shed="management")
        answer = _Answer()
        self._running += 1
        try:
            async with request.connected():
                await self._app(self._scope(path, principal), _nothing_to_read(), answer.take)
        finally:
            self._running -= 1
        if not answer.is_json:  # a page of the portal's: it broke, and said so to a browser
            raise InternalError
        kept = [(name, value) for name, value in answer.headers if name in KEPT]
        await reply.json(answer.status, answer.body, kept)

    def _scope(self, path: str, principal: Principal) -> Message:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": self._scheme,
            "path": path,
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", self._host)],
            "pylo.workspace_id": principal.workspace_id,
        }
