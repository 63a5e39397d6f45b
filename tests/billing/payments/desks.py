"""One way to speak to a provider and to its payer, for the sandbox and for the small Stripe alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from billing.payments.provider import Order, Purpose
from billing.payments.sandbox import SandboxProvider
from billing.payments.stripe import StripeProvider
from sandbox.webhooks import sign
from tests.fakes.payments import SECRET
from tests.fakes.stripe import KEY, WEBHOOK_SECRET, Stripe, signed

if TYPE_CHECKING:
    from billing.payments.provider import Provider
    from tests.fakes.payments import Payments

GOOD, DECLINED = "4242424242424242", "4000000000000002"
ASKS, DECLINED_LATER = "4000000000003220", "4000000000000341"
BACK = "http://localhost:8000/billing/credit/return/"


def order(workspace: str = "w1", *, attempt: str = "") -> Order:
    purpose = Purpose.AUTO_TOP_UP if attempt else Purpose.TOP_UP
    return Order(workspace=workspace, amount_cents=2_500, purpose=purpose, attempt=attempt)


class Desk(Protocol):
    """A provider, and the hands of the person on its page."""

    provider: Provider

    def pay(self, session: str, number: str = GOOD) -> None: ...
    def card(self, customer: str, number: str) -> str: ...
    def told(self, about: str, kind: str) -> bytes: ...
    def headers(self, body: bytes, *, age: int = 0, secret: str = "") -> dict[str, str]: ...

    def begin(self, *, customer: str = "", keep_card: bool = False) -> str: ...


class _Beginning:
    provider: Provider

    def begin(self, *, customer: str = "", keep_card: bool = False) -> str:
        """Begin a payment and return the session's id."""
        customer = customer or self.provider.customer(workspace="w1", email="a@example.com")
        url = self.provider.begin(order(), customer=customer, return_url=BACK, keep_card=keep_card)
        return url.rsplit("/", 1)[1]


@dataclass
class SandboxDesk(_Beginning):
    payments: Payments

    def __post_init__(self) -> None:
        self.provider: Provider = SandboxProvider(self.payments.url, SECRET)

    def pay(self, session: str, number: str = GOOD) -> None:
        self.payments.pay(session, number)
        self.payments.answer(session, "approve")

    def card(self, customer: str, number: str) -> str:
        before = {card.id for card in self.provider.cards(customer)}
        self.pay(self.begin(customer=customer, keep_card=True), number)
        return next(card.id for card in self.provider.cards(customer) if card.id not in before)

    def told(self, about: str, kind: str) -> bytes:
        """Return the event of such a kind about that; others may still be on their way."""
        body = self.payments.heard().body
        while about.encode() not in body or kind.encode() not in body:
            body = self.payments.heard().body
        return body

    def headers(self, body: bytes, *, age: int = 0, secret: str = "") -> dict[str, str]:
        return {"Pylo-Signature": sign(body, secret or SECRET, int(time.time()) - age)}


@dataclass
class StripeDesk(_Beginning):
    fake: Stripe

    def __post_init__(self) -> None:
        self.provider: Provider = StripeProvider(KEY, WEBHOOK_SECRET, api_base=self.fake.url)

    def pay(self, session: str, number: str = GOOD) -> None:
        self.fake.pay(session, number)

    def card(self, customer: str, number: str) -> str:
        return self.fake.save_card(customer, number)

    def told(self, about: str, kind: str) -> bytes:
        return next(body for body in self.fake.events if about.encode() in body and kind.encode() in body)

    def headers(self, body: bytes, *, age: int = 0, secret: str = "") -> dict[str, str]:
        return signed(body, age=age, secret=secret or WEBHOOK_SECRET)
