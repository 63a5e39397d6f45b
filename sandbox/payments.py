"""The sandbox's payments: checkout sessions, a page to pay on, signed webhooks. `python -m sandbox.payments --help`."""

from __future__ import annotations

import argparse
import hmac
import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from sandbox.checkout import Session, Sessions, Unacceptable, problem_with
from sandbox.connection import HTML, ClientGone, Connection, Headers, Receive, Scope, Send
from sandbox.pay_page import CSS, page, policy
from sandbox.webhooks import Webhook, completed

if TYPE_CHECKING:
    from collections.abc import Callable

API: Final = "/v1/checkout/sessions"
SAFE: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Payments:
    """The ASGI application; all its state is in memory."""

    def __init__(self, secret: str, webhook: Webhook, clock: Callable[[], float]) -> None:
        self._secret = secret
        self._webhook = webhook
        self._clock = clock
        self._sessions = Sessions()

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
        elif line.method == "POST" and line.path == API:
            await self._create(line, body)
        elif line.method == "GET" and (session := self._sessions.get(line.path.removeprefix(f"{API}/"))) is not None:
            await line.answer_json(200, asdict(session))
        else:
            await line.answer_json(404, {"error": "there is no such session"})

    async def _create(self, line: Connection, body: bytes) -> None:
        try:
            session = self._sessions.create(json.loads(body))
        except (Unacceptable, json.JSONDecodeError) as error:
            await line.answer_json(400, {"error": str(error)})
            return
        url = f"http://{line.header('host')}/pay/{session.id}"
        await line.answer_json(
            201, {"id": session.id, "payment_intent": session.payment_intent, "url": url, "status": session.status}
        )

    async def _pay(self, line: Connection, session: Session, body: bytes) -> None:
        if line.method != "POST":
            await self._show(line, 200, session)
            return
        card = parse_qs(body.decode("utf-8", "replace")).get("card", [""])[0][:40]
        problem = problem_with(card)
        if problem and session.status != "paid":
            await self._show(line, 402, session, card=card, problem=problem)
            return
        if session.status != "paid":
            session = self._sessions.pay(session)
            self._webhook.send_soon(completed(session, int(self._clock())))
        await line.answer(303, (*SAFE, (b"location", session.returning.encode())), b"")

    async def _show(
        self, line: Connection, status: int, session: Session, *, card: str = "", problem: str = ""
    ) -> None:
        headers = (*HTML, *SAFE, (b"content-security-policy", policy(session).encode()))
        await line.answer(status, headers, page(session, card=card, problem=problem).encode())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.payments", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True, help="the merchant's bearer, which also signs the webhooks")
    parser.add_argument("--webhook", required=True, help="the merchant's URL for events")
    given = parser.parse_args()
    from sandbox.server import serve  # noqa: PLC0415 - importing Daphne installs its reactor

    webhook = Webhook(given.webhook, given.secret, time.time)
    serve(Payments(given.secret, webhook, time.time), given.host, given.port)


if __name__ == "__main__":
    main()
