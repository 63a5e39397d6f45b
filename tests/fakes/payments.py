"""The sandbox's payments as a process of its own, and a merchant that hears its webhooks."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import TYPE_CHECKING, Any

import httpx

from tests.fakes.process import Process, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "sandbox-secret"
GOOD_CARD = "4242 4242 4242 4242"


@dataclass(frozen=True, slots=True)
class Delivery:
    body: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class Payments:
    """The running service; `deliveries` are the webhooks that its merchant heard."""

    url: str
    deliveries: Queue[Delivery] = field(default_factory=Queue)

    def begin(self, *, cents: int = 2_500, reference: str = "w1", **fields: Any) -> str:
        """Make a session as a merchant does and return its id."""
        asked = {"amount_cents": cents, "reference": reference, "return_url": "http://localhost:8000/back/"}
        return str(self.call("POST", "checkout/sessions", asked | fields)["id"])

    def call(self, method: str, path: str, asked: object = None) -> dict[str, Any]:
        """Call the merchant's API and return its answer."""
        answer = httpx.request(method, f"{self.url}/v1/{path}", json=asked, headers=bearer(), trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def pay(self, session: str, card: str = GOOD_CARD) -> httpx.Response:
        """Send the page's form as the payer does."""
        return httpx.post(f"{self.url}/pay/{session}", data={"card": card}, trust_env=False)

    def answer(self, session: str, answer: str) -> httpx.Response:
        """Answer the bank as the card's holder does: approve or refuse."""
        return httpx.post(f"{self.url}/pay/{session}", data={"answer": answer}, trust_env=False)

    def heard(self) -> Delivery:
        return self.deliveries.get(timeout=10)


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@contextmanager
def running(var: Path, *, refusals: int = 0) -> Iterator[Payments]:
    """Start it beside a merchant who refuses the first `refusals` webhooks and accepts the rest."""
    payments = Payments(f"http://127.0.0.1:{free_port()}")
    with merchant(payments.deliveries, refusals) as (webhook, _):
        port = payments.url.rsplit(":", 1)[1]
        command = (sys.executable, "-m", "sandbox.payments", "--port", port, "--secret", SECRET, "--webhook", webhook)
        process = Process.start("payments", command, env={}, log=var / "payments.log")
        try:
            process.await_http(f"{payments.url}/pay.css")
            yield payments
        finally:
            process.stop()


@contextmanager
def merchant(deliveries: Queue[Delivery] | None = None, refusals: int = 0) -> Iterator[tuple[str, Queue[Delivery]]]:
    """Listen for webhooks; give the URL and what is heard there."""
    heard: Queue[Delivery] = Queue() if deliveries is None else deliveries
    left = [refusals]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            refused = left[0] > 0
            left[0] -= 1
            self.send_response(503 if refused else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            heard.put(Delivery(body, self.headers["Pylo-Signature"] or self.headers["Stripe-Signature"] or ""))

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/webhook", heard
        server.shutdown()
        thread.join()
