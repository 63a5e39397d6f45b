"""An application behind the gateway, as the portal is: answers as it is told, and notes what it was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.asgi import Receive, Scope, Send


@dataclass
class Portal:
    status: int = 200
    body: bytes = b'{"object":"request"}'
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
    scopes: list[Scope] = field(default_factory=list)
    read: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.read.append((await receive())["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body})

    def breaks(self) -> None:
        """Answer as Django does when a view raised: with a page."""
        self.status, self.body, self.headers = 500, b"<html>", ((b"content-type", b"text/html"),)

    def refuses(self, status: int, *, retry_after: int) -> None:
        self.status, self.body = status, json.dumps({"error": {"code": "rate_limit_exceeded"}}).encode()
        self.headers = (
            *((b"content-type", b"application/json"), (b"retry-after", b"%d" % retry_after)),
            *((b"x-should-retry", b"true"), (b"set-cookie", b"a=b"), (b"x-frame-options", b"DENY")),
        )
