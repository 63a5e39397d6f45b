"""What the sandbox's payments remember: customers, saved cards, payments, refunds. In memory; in a file if asked."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path  # noqa: TC003 - dataclasses look at it
from typing import Any, Final

from sandbox.cards import BY_NUMBER, Outcome

MOST_CENTS: Final = 100_000_000
STATUS: Final = {Outcome.PAYS: "succeeded", Outcome.ASKS: "needs_authentication"}


class Unacceptable(ValueError):  # noqa: N818 - what was sent is; the text says why
    """What was asked for cannot be made; `param` is what names nothing that there is."""

    def __init__(self, text: str, *, param: str = "") -> None:
        super().__init__(text)
        self.param = param


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    reference: str


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card that can be charged while its holder is away."""

    id: str
    customer: str
    number: str

    def shown(self) -> dict[str, str]:
        return {"id": self.id, "brand": "Visa", "last_four": self.number[-4:], "expires": "12/34"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """`status`: open, needs_authentication, failed, or succeeded and then for ever. `about` is the merchant's own."""

    id: str
    amount_cents: int
    created: int
    about: dict[str, str] = field(default_factory=dict)
    customer: str = ""
    status: str = "open"
    decline: str = ""
    card: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    id: str
    payment_intent: str
    amount_cents: int
    asked: str  # the merchant's own name for it
    status: str = "succeeded"


class Vault:
    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.customers: dict[str, Customer] = {}
        self.cards: dict[str, SavedCard] = {}
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self._by_key: dict[str, str] = {}  # idempotency key → id of what it made
        if file is not None and file.exists():
            self._load(json.loads(file.read_text()))

    def customer(self, reference: str) -> Customer:
        """Return the customer of the merchant's reference; the first time it is made."""
        key = f"customer:{reference}"
        if key not in self._by_key:
            made = Customer(f"cus_{secrets.token_hex(8)}", reference)
            self.customers[made.id] = made
            self._by_key[key] = made.id
            self._save()
        return self.customers[self._by_key[key]]

    def keep_card(self, customer: str, number: str) -> SavedCard:
        for card in self.cards_of(customer):
            if card.number == number:
                return card
        card = SavedCard(f"pm_{secrets.token_hex(8)}", customer, number)
        self.cards[card.id] = card
        self._save()
        return card

    def cards_of(self, customer: str) -> list[SavedCard]:
        return [card for card in self.cards.values() if card.customer == customer]

    def forget_card(self, card: str) -> None:
        self.cards.pop(card, None)
        self._save()

    def open_payment(self, payment: Payment) -> Payment:
        self.payments[payment.id] = payment
        self._save()
        return payment

    def move(self, payment_id: str, **fields: str) -> Payment:
        """Change a payment; one that succeeded stays so."""
        payment = self.payments[payment_id]
        if payment.status != "succeeded":
            payment = self.payments[payment_id] = replace(payment, **fields)  # type: ignore[arg-type]
            self._save()
        return payment

    def charge(self, asked: dict[str, Any], *, now: int) -> tuple[Payment, bool]:
        """Charge a saved card; a key that was used before gives what it made, and False."""
        key = f"charge:{asked.get('key')}"
        if key in self._by_key:
            return self.payments[self._by_key[key]], False
        card = self.cards.get(str(asked.get("card")))
        if card is None or card.customer != asked.get("customer"):
            raise Unacceptable("there is no such card")
        outcome = BY_NUMBER[card.number].off_session
        payment = Payment(
            id=f"pi_{secrets.token_hex(16)}",
            amount_cents=cents(asked.get("amount_cents")),
            created=now,
            about=texts(asked.get("about")),
            customer=card.customer,
            status=STATUS.get(outcome, "failed"),
            decline="" if outcome is Outcome.PAYS else outcome.value,
            card=card.id,
        )
        self._by_key[key] = payment.id
        return self.open_payment(payment), True

    def refund(self, asked: dict[str, Any]) -> tuple[Refund, bool]:
        """Refund a payment, or a part of it, as `charge` does."""
        key = f"refund:{asked.get('key')}"
        if key in self._by_key:
            return self.refunds[self._by_key[key]], False
        payment = self.payments.get(str(asked.get("payment_intent")))
        if payment is None or payment.status != "succeeded":
            raise Unacceptable("there is no such payment, or it did not succeed")
        amount = cents(asked.get("amount_cents"))
        if amount > payment.amount_cents - sum(refund.amount_cents for refund in self.refunds_of(payment.id)):
            raise Unacceptable("that is more than what is left of the payment")
        about = texts(asked.get("about"))
        made = Refund(
            id=f"re_{secrets.token_hex(16)}",
            payment_intent=payment.id,
            amount_cents=amount,
            asked=about.get("refund", ""),
        )
        self.refunds[made.id] = made
        if asked.get("key"):
            self._by_key[key] = made.id
        self._save()
        return made, True

    def refunds_of(self, payment: str) -> list[Refund]:
        return [refund for refund in self.refunds.values() if refund.payment_intent == payment]

    def shown(self, payment: Payment) -> dict[str, Any]:
        """Return a payment as the API tells it."""
        return asdict(payment) | {"refunds": [asdict(refund) for refund in self.refunds_of(payment.id)]}

    def _load(self, kept: dict[str, Any]) -> None:
        self.customers = {one["id"]: Customer(**one) for one in kept["customers"]}
        self.cards = {one["id"]: SavedCard(**one) for one in kept["cards"]}
        self.payments = {one["id"]: Payment(**one) for one in kept["payments"]}
        self.refunds = {one["id"]: Refund(**one) for one in kept["refunds"]}
        self._by_key = dict(kept["keys"])

    def _save(self) -> None:
        if self._file is None:
            return
        kept = {
            name: [asdict(one) for one in getattr(self, name).values()]
            for name in ("customers", "cards", "payments", "refunds")
        }
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(kept | {"keys": self._by_key}))
        beside.replace(self._file)


def cents(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_CENTS:
        raise Unacceptable(f"amount_cents must be an integer from 1 to {MOST_CENTS}")
    return value


def texts(value: Any) -> dict[str, str]:
    """Return the merchant's own words about what it asks."""
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}
