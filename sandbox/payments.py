"""The sandbox's payments: checkout sessions, a page to pay on, saved cards, refunds, signed webhooks.

`python -m sandbox.payments --help` has the options; docs/operations.md has the cards.
"""

from __future__ import annotations

import argparse
import hmac
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, parse_qsl

from sandbox.cards import known, problem_with
from sandbox.checkout import Session, Sessions
from sandbox.connection import HTML, ClientGone, Connection, Headers, Receive, Scope, Send
from sandbox.merchant import Merchant
from sandbox.pay_page import CSS, page, policy
from sandbox.vault import Vault
from sandbox.webhooks import Webhook, completed

if TYPE_CHECKING:
    from collections.abc import Callable

API: Final = "/v1/"
SAFE: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Payments:
    """The ASGI application."""

    def __init__(self, secret: str, webhook: Webhook, clock: Callable[[], float], state: Path | None = None) -> None:
        self._secret = secret
        self._webhook = webhook
        self._clock = clock
        vault = Vault(state)
        self._sessions = Sessions(vault)
        self._merchant = Merchant(vault, self._sessions, webhook, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = Connection(scope, receive, send)
        try:
            body = await line.body()
            await self._route(line, body)
        except ClientGone:
            return

    async def _route(self, line: Connection, body: bytes) -> None:
        first, _, rest = line.path.strip("/").partition("/")
        if line.path.startswith(API):
            await self._api(line, body)
        elif first == "pay" and (session := self._sessions.get(rest)) is not None:
            await self._pay(line, session, body)
        elif line.path == "/pay.css":
            await line.answer(200, ((b"content-type", b"text/css; charset=utf-8"),), CSS.encode())
        else:
            await line.answer(404, HTML, b"<!doctype html><title>Not found</title><p>There is no such payment.")

    async def _api(self, line: Connection, body: bytes) -> None:
        if not hmac.compare_digest(line.header("authorization").encode(), f"Bearer {self._secret}".encode()):
            await line.answer_json(401, {"error": "the secret is wrong"})
            return
        try:
            query = dict(parse_qsl(line.scope["query_string"].decode()))
            asked: Any = json.loads(body) if body and line.method == "POST" else query
        except ValueError:
            await line.answer_json(400, {"error": "the body is no JSON"})
            return
        base = f"http://{line.header('host')}"
        path = line.path.removeprefix(API)
        status, answer = self._merchant.answer(line.method, path, asked if isinstance(asked, dict) else {}, base)
        await line.answer_json(status, answer)

    async def _pay(self, line: Connection, session: Session, body: bytes) -> None:
        if line.method != "POST":
            await self._show(line, session)
            return
        sent = parse_qs(body.decode("utf-8", "replace"))
        typed = sent.get("card", [""])[0][:40]
        problem = ""
        if session.status != "paid":
            session, problem = self._paid(session, typed, sent.get("answer", [""])[0])
        if session.status == "paid":
            await line.answer(303, (*SAFE, (b"location", session.returning.encode())), b"")
        else:
            await self._show(line, session, card=typed, problem=problem)

    def _paid(self, session: Session, typed: str, answer: str) -> tuple[Session, str]:
        """Take a card, or what its holder answered the bank; return the session with what is wrong."""
        if session.asking is not None and answer != "approve":
            return self._sessions.refuse(session), "You did not approve the payment. Nothing was charged; try again."
        if session.asking is not None:
            session = self._sessions.approve(session)
        elif problem := problem_with(typed):
            return session, problem
        elif card := known(typed):
            session = self._sessions.offer(session, card)
        if session.status == "paid":
            self._webhook.send_soon(completed(session, int(self._clock())))
        return session, ""

    async def _show(self, line: Connection, session: Session, *, card: str = "", problem: str = "") -> None:
        headers = (*HTML, *SAFE, (b"content-security-policy", policy(session).encode()))
        await line.answer(200, headers, page(session, card=card, problem=problem).encode())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.payments", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True, help="the merchant's bearer, which also signs the webhooks")
    parser.add_argument("--webhook", required=True, help="the merchant's URL for events")
    parser.add_argument("--state", type=Path, help="a file that keeps payments and saved cards over a restart")
    given = parser.parse_args()
    from sandbox.server import serve  # noqa: PLC0415 - importing Daphne installs its reactor

    webhook = Webhook(given.webhook, given.secret, time.time)
    serve(Payments(given.secret, webhook, time.time, given.state), given.host, given.port)


if __name__ == "__main__":
    main()
