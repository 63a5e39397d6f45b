"""Checkout sessions of the sandbox's payments, in memory, and what its cards do."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

GOOD_CARD: Final = "4242424242424242"
DECLINED_CARD: Final = "4000000000000002"
MOST_CENTS: Final = 100_000_000


class Unacceptable(ValueError):  # noqa: N818 - what was sent is; the text says why
    """The session that was asked for cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One intended payment; `status` is open, or paid and then for ever."""

    id: str
    payment_intent: str
    amount_cents: int
    reference: str
    return_url: str
    status: str = "open"

    @property
    def amount(self) -> str:
        return f"${self.amount_cents // 100:,}.{self.amount_cents % 100:02d}"

    @property
    def returning(self) -> str:
        """Where the payer's browser goes afterwards."""
        joint = "&" if urlsplit(self.return_url).query else "?"
        return f"{self.return_url}{joint}{urlencode({'session': self.id})}"


class Sessions:
    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}

    def create(self, asked: Any) -> Session:
        """Make a session of what the merchant sent."""
        values = asked if isinstance(asked, dict) else {}
        cents, reference, return_url = (values.get(name) for name in ("amount_cents", "reference", "return_url"))
        if isinstance(cents, bool) or not isinstance(cents, int) or not 0 < cents <= MOST_CENTS:
            raise Unacceptable(f"amount_cents must be an integer from 1 to {MOST_CENTS}")
        if not isinstance(reference, str) or not reference:
            raise Unacceptable("reference must be a string")
        if not isinstance(return_url, str) or urlsplit(return_url).scheme not in {"http", "https"}:
            raise Unacceptable("return_url must be an http or https URL")
        session = Session(
            id=f"cs_{secrets.token_hex(16)}",
            payment_intent=f"pi_{secrets.token_hex(16)}",
            amount_cents=cents,
            reference=reference,
            return_url=return_url,
        )
        self._by_id[session.id] = session
        return session

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id)

    def pay(self, session: Session) -> Session:
        paid = replace(session, status="paid")
        self._by_id[session.id] = paid
        return paid


def problem_with(card: str) -> str:
    """Return why a card does not pay; empty when it does."""
    digits = re.sub(r"[\s-]", "", card)
    if digits == GOOD_CARD:
        return ""
    if digits == DECLINED_CARD:
        return "Your card was declined. Nothing was charged; try another card."
    if not digits:
        return "Enter a card number."
    return "The sandbox knows two cards only: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined."
