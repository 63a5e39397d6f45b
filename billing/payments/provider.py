"""What Pylo needs of a payment provider. Nothing here is trusted from a payload: state is asked of the provider.

PaymentError
├── ProviderAway    it could not be asked, or answered nonsense; try again
├── NoSuchPayment   it knows no such session, payment or card, or refuses the question as it is
│   └── NoSuchCustomer
├── NotRefundable   it refuses this refund
└── BadEvent        the webhook's body is signed, and not an event
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from billing.errors import BillingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

CURRENCY = "usd"
LEAST_CENTS = 50  # that a card is charged: Stripe's own bound


class PaymentError(BillingError):
    """The provider cannot do what was asked of it."""


class ProviderAway(PaymentError):  # noqa: N818 - reads as what it is
    """The provider could not be asked, or answered nonsense."""


class NoSuchPayment(PaymentError):  # noqa: N818 - as above
    """The provider knows no such session, payment or card, or refuses the question as it is."""


class NoSuchCustomer(NoSuchPayment):
    """The customer was removed at the provider's."""


class NotRefundable(PaymentError):  # noqa: N818 - as above
    """The provider refuses the refund; the text says why."""


class BadEvent(PaymentError):  # noqa: N818 - as above
    """The body is signed and still no event."""


class Purpose(StrEnum):
    TOP_UP = "top_up"
    AUTO_TOP_UP = "auto_top_up"
    INVOICE = "invoice"


class State(StrEnum):
    """Of a payment. Only what succeeded stays as it is."""

    PENDING = "pending"
    NEEDS_AUTHENTICATION = "needs_authentication"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a payment is for. The provider keeps it beside the payment, as text of ours."""

    workspace: str  # its id; of a payment that is not ours it may be anything
    amount_cents: int
    purpose: Purpose = Purpose.TOP_UP
    invoice: str = ""  # the id of the invoice that is paid
    attempt: str = ""  # the id of the automatic top-up


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """A refund as the provider knows it. `asked` is the id of our own row; empty when it was made at the provider's."""

    id: str
    amount_cents: int
    failed: bool = False  # the money came back to us
    asked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment as the provider knows it now, with every refund of it."""

    payment_intent: str
    order: Order
    state: State
    currency: str = CURRENCY
    decline: str = ""  # the provider's word for why it failed
    card: str = ""  # the saved card that paid, if one did
    receipt_url: str = ""
    refunds: tuple[Refunded, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A payment page of the provider's. There may be no payment yet."""

    id: str
    workspace: str
    payment_intent: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A saved card: what its holder knows it by."""

    id: str
    brand: str
    last_four: str
    expires: str  # "12/34"


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook's message: what to look at. Both ids are empty when it is about something else."""

    type: str
    session_id: str = ""
    payment_intent: str = ""


class Provider(Protocol):
    """Every method may raise `ProviderAway`, and `NoSuchPayment` for an id that the provider does not know."""

    @property
    def name(self) -> str:
        """Return "sandbox" or "stripe"."""

    def customer(self, *, workspace: str, email: str) -> str:
        """Make the provider's customer for a workspace and return its id; repeating it is harmless for a day."""

    def begin(self, order: Order, *, customer: str, return_url: str, keep_card: bool) -> str:
        """Start a payment by a person and return the URL of the page to pay on."""

    def session(self, session_id: str) -> Session:
        """Return the payment page's state; its payment is asked for with `payment`."""

    def payment(self, payment_intent: str) -> Paid:
        """Return a payment as it stands now."""

    def payments(self, *, since: datetime, customer: str = "") -> Iterator[Paid]:
        """Return every payment since then, of one customer or of all."""

    def charge(self, order: Order, *, customer: str, card: str, key: str) -> Paid:
        """Charge a saved card while its holder is away. A decline is a state, not an error; a key charges once."""

    def refund(self, payment_intent: str, *, amount_cents: int, asked: str) -> Refunded:
        """Give money back, once for `asked`. Raises `NotRefundable`."""

    def cards(self, customer: str) -> tuple[Card, ...]:
        """Return the saved cards."""

    def forget(self, card: str) -> None:
        """Remove a saved card; one that is gone already is fine."""

    def read_event(self, body: bytes, headers: Mapping[str, str], now: float) -> Event:
        """Check a webhook's signature and read it; raises `signatures.BadSignature` or `BadEvent`."""
