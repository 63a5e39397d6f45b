"""Payment providers: what a top-up needs of one, and the sandbox's. What was paid is asked of the provider, always.

PaymentError
├── ProviderAway    it could not be asked, or answered nonsense; try again
├── NoSuchSession   it knows no such session
└── BadEvent        the webhook's body is signed, and not an event
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from billing import signatures

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = re.compile(r"[A-Za-z0-9_]{1,80}")
PATIENCE = 5.0  # seconds


class PaymentError(Exception):
    """The provider cannot do what was asked of it."""


class ProviderAway(PaymentError):  # noqa: N818 - reads as what it is
    """The provider could not be asked, or answered nonsense."""


class NoSuchSession(PaymentError):  # noqa: N818 - as above
    """The provider knows no such session."""


class BadEvent(PaymentError):  # noqa: N818 - as above
    """The body is signed and still no event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A payment as the provider knows it. `reference` is the workspace's id, ours since we made the session."""

    id: str
    payment_intent: str
    reference: str
    amount_cents: int
    paid: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook's message; `session_id` is empty when the event is about something else."""

    type: str
    session_id: str


class Provider(Protocol):
    def begin(self, *, amount_cents: int, reference: str, return_url: str) -> str:
        """Start a payment and return the URL of the page to pay on."""

    def fetch(self, session_id: str) -> Session:
        """Return the session as it stands now."""

    def read_event(self, body: bytes, headers: Mapping[str, str], now: float) -> Event:
        """Check a webhook's signature and read it; raises `signatures.BadSignature` or `BadEvent`."""


class SandboxProvider:
    """`sandbox.payments`, over HTTP."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret

    def begin(self, *, amount_cents: int, reference: str, return_url: str) -> str:
        asked = {"amount_cents": amount_cents, "reference": reference, "return_url": return_url}
        return _text(self._call("POST", "", asked), "url")

    def fetch(self, session_id: str) -> Session:
        if ID.fullmatch(session_id) is None:
            raise NoSuchSession(session_id[:80])
        found = self._call("GET", f"/{session_id}")
        amount = found.get("amount_cents")
        if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
            raise ProviderAway("the payment provider's answer has no amount")
        payment_intent = _text(found, "payment_intent")  # what the credit is keyed by
        if _text(found, "id") != session_id or ID.fullmatch(payment_intent) is None:
            raise ProviderAway("the payment provider's answer is about another session, or no payment")
        return Session(
            id=session_id,
            payment_intent=payment_intent,
            reference=_text(found, "reference"),
            amount_cents=amount,
            paid=_text(found, "status") == "paid",
        )

    def read_event(self, body: bytes, headers: Mapping[str, str], now: float) -> Event:
        signatures.verify(body, headers.get("Pylo-Signature", ""), self._secret, now)
        try:
            event = json.loads(body)
            about = event["data"]["object"]
            return Event(str(event["type"]), str(about.get("id", "")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadEvent(type(error).__name__) from None

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        url = f"{self._url}/v1/checkout/sessions{path}"
        headers = {"Authorization": f"Bearer {self._secret}"}
        try:
            response = httpx.request(method, url, json=body, headers=headers, timeout=PATIENCE, trust_env=False)
            if response.status_code == httpx.codes.NOT_FOUND:
                raise NoSuchSession(path.strip("/"))
            answer = response.raise_for_status().json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            raise ProviderAway(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise ProviderAway("the payment provider's answer is no object")
        return answer


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderAway(f"the payment provider's answer has no {name}")
    return value
