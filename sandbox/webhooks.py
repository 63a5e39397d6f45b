"""Tells the merchant what happened: a signed event, sent again at growing intervals until it is accepted.

For tests, events can be held back and then sent as the network may send them: several times, in another order, late.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.checkout import Session
    from sandbox.vault import Payment, Refund

HEADER: Final = "Pylo-Signature"
PAUSES: Final = (0.0, 0.5, 2.0, 8.0, 30.0, 120.0)  # seconds before each try
PATIENCE: Final = 10.0  # seconds for one try

log = logging.getLogger(__name__)


def sign(body: bytes, secret: str, at: int) -> str:
    """Return the signature header: HMAC-SHA-256 over the time, a dot and the raw body."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={mac}"


def completed(session: Session, at: int) -> bytes:
    """Return the event of a payment that succeeded on the page."""
    return _event("checkout.session.completed", session.shown(), at)


def charged(payment: Payment, at: int) -> bytes:
    """Return the event of a saved card that was charged, or not."""
    kind = "payment_intent.succeeded" if payment.status == "succeeded" else "payment_intent.payment_failed"
    return _event(kind, {"id": payment.id, "amount_cents": payment.amount_cents, "status": payment.status}, at)


def refunded(refund: Refund, at: int) -> bytes:
    told = {"id": refund.id, "payment_intent": refund.payment_intent, "amount_cents": refund.amount_cents}
    return _event("refund.created", told, at)


def _event(kind: str, about: dict[str, Any], at: int) -> bytes:
    event = {"id": f"evt_{secrets.token_hex(12)}", "type": kind, "created": at, "data": {"object": about}}
    return json.dumps(event).encode()


@dataclass(slots=True)
class Webhook:
    """The merchant's endpoint."""

    url: str
    secret: str
    clock: Callable[[], float]
    holding: bool = False
    _held: list[bytes] = field(default_factory=list)

    def send_soon(self, body: bytes) -> None:
        """Deliver in the background, for the payer must not wait for it; what is undelivered dies with the process."""
        if self.holding:
            self._held.append(body)
            return
        self._start(body, 0)

    def release(self, *, times: int = 1, backwards: bool = False, age: int = 0) -> int:
        """Send what was held, `times` each at once, signed as if `age` seconds ago; return how many events it were."""
        held, self._held, self.holding = self._held, [], False
        for body in reversed(held) if backwards else held:
            for _ in range(times):
                self._start(body, age)
        return len(held)

    def _start(self, body: bytes, age: int) -> None:
        threading.Thread(target=self._deliver, args=(body, age), daemon=True).start()

    def _deliver(self, body: bytes, age: int) -> None:
        for pause in PAUSES:
            time.sleep(pause)
            if self._accepted(body, age):
                return
        log.error("gave up a webhook to %s after %d tries", self.url, len(PAUSES))

    def _accepted(self, body: bytes, age: int) -> bool:
        headers = {"Content-Type": "application/json", HEADER: sign(body, self.secret, int(self.clock()) - age)}
        try:
            response = httpx.post(self.url, content=body, headers=headers, timeout=PATIENCE)
        except httpx.HTTPError as error:
            log.warning("webhook to %s: %s", self.url, type(error).__name__)
            return False
        if not response.is_success:
            log.warning("webhook to %s: answered %d", self.url, response.status_code)
        return response.is_success
