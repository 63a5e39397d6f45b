"""Checkout sessions of the sandbox's payments: one payment each, paid on the page by whoever holds the card."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from sandbox.cards import Card, Outcome
from sandbox.vault import Payment, Unacceptable, cents, texts

if TYPE_CHECKING:
    from sandbox.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One intended payment; `status` is open, or paid and then for ever. `asking` is the card whose holder is asked."""

    id: str
    payment_intent: str
    amount_cents: int
    reference: str
    return_url: str
    customer: str = ""
    save_card: bool = False
    status: str = "open"
    asking: Card | None = None

    @property
    def amount(self) -> str:
        return f"${self.amount_cents // 100:,}.{self.amount_cents % 100:02d}"

    @property
    def returning(self) -> str:
        """Where the payer's browser goes afterwards."""
        joint = "&" if urlsplit(self.return_url).query else "?"
        return f"{self.return_url}{joint}{urlencode({'session': self.id})}"

    def shown(self) -> dict[str, Any]:
        """Return the session as the API tells it."""
        names = ("id", "payment_intent", "amount_cents", "reference", "return_url", "customer", "status")
        return {name: getattr(self, name) for name in names}


class Sessions:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._by_id: dict[str, Session] = {}

    def create(self, asked: Any, *, now: int = 0) -> Session:
        """Make a session of what the merchant sent."""
        values = asked if isinstance(asked, dict) else {}
        amount = cents(values.get("amount_cents"))
        reference, return_url = values.get("reference"), values.get("return_url")
        customer = values.get("customer") or ""
        if not isinstance(reference, str) or not reference:
            raise Unacceptable("reference must be a string")
        if not isinstance(return_url, str) or urlsplit(return_url).scheme not in {"http", "https"}:
            raise Unacceptable("return_url must be an http or https URL")
        if customer and customer not in self._vault.customers:
            raise Unacceptable("there is no such customer", param="customer")
        about = {"workspace": reference, "purpose": "top_up"} | texts(values.get("about"))
        payment = self._vault.open_payment(
            Payment(
                id=f"pi_{secrets.token_hex(16)}", amount_cents=amount, created=now, about=about, customer=str(customer)
            )
        )
        session = Session(
            id=f"cs_{secrets.token_hex(16)}",
            payment_intent=payment.id,
            amount_cents=amount,
            reference=reference,
            return_url=return_url,
            customer=str(customer),
            save_card=bool(values.get("save_card")),
        )
        self._by_id[session.id] = session
        return session

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id)

    def offer(self, session: Session, card: Card) -> Session:
        """Take a card that is not declined: it pays, or its holder is asked first."""
        if card.on_page is Outcome.ASKS:
            self._vault.move(session.payment_intent, status="needs_authentication")
            return self._put(replace(session, asking=card))
        return self._pay(session, card)

    def approve(self, session: Session) -> Session:
        return self._pay(session, session.asking) if session.asking else session

    def refuse(self, session: Session) -> Session:
        self._vault.move(session.payment_intent, status="open")
        return self._put(replace(session, asking=None))

    def _pay(self, session: Session, card: Card) -> Session:
        saved = ""
        if session.save_card and session.customer:
            saved = self._vault.keep_card(session.customer, card.number).id
        self._vault.move(session.payment_intent, status="succeeded", card=saved)
        return self._put(replace(session, status="paid", asking=None))

    def _put(self, session: Session) -> Session:
        self._by_id[session.id] = session
        return session
