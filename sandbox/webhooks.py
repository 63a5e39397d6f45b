"""Tells the merchant what happened: a signed event, sent again at growing intervals until it is accepted."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.checkout import Session

HEADER: Final = "Pylo-Signature"
PAUSES: Final = (0.0, 0.5, 2.0, 8.0, 30.0, 120.0)  # seconds before each try
PATIENCE: Final = 10.0  # seconds for one try

log = logging.getLogger(__name__)


def sign(body: bytes, secret: str, at: int) -> str:
    """Return the signature header: HMAC-SHA-256 over the time, a dot and the raw body."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={mac}"


def completed(session: Session, at: int) -> bytes:
    """Return the event of a payment that succeeded."""
    data = {
        "id": session.id,
        "payment_intent": session.payment_intent,
        "amount_cents": session.amount_cents,
        "reference": session.reference,
        "status": session.status,
    }
    event = {"id": f"evt_{secrets.token_hex(12)}", "type": "checkout.session.completed", "created": at}
    return json.dumps(event | {"data": {"object": data}}).encode()


@dataclass(frozen=True, slots=True)
class Webhook:
    """The merchant's endpoint."""

    url: str
    secret: str
    clock: Callable[[], float]

    def send_soon(self, body: bytes) -> None:
        """Deliver in the background, for the payer must not wait for it; what is undelivered dies with the process."""
        threading.Thread(target=self._deliver, args=(body,), daemon=True).start()

    def _deliver(self, body: bytes) -> None:
        for pause in PAUSES:
            time.sleep(pause)
            if self._accepted(body):
                return
        log.error("gave up a webhook to %s after %d tries", self.url, len(PAUSES))

    def _accepted(self, body: bytes) -> bool:
        headers = {"Content-Type": "application/json", HEADER: sign(body, self.secret, int(self.clock()))}
        try:
            response = httpx.post(self.url, content=body, headers=headers, timeout=PATIENCE)
        except httpx.HTTPError as error:
            log.warning("webhook to %s: %s", self.url, type(error).__name__)
            return False
        if not response.is_success:
            log.warning("webhook to %s: answered %d", self.url, response.status_code)
        return response.is_success
