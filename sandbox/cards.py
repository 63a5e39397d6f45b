"""The sandbox's card numbers and what each does, on the page and off-session. They are Stripe's test numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    PAYS = "pays"
    DECLINED = "card_declined"
    NO_FUNDS = "insufficient_funds"
    ASKS = "authentication_required"


@dataclass(frozen=True, slots=True)
class Card:
    """What a number does. `on_page` is with its holder there, `off_session` once it is saved."""

    number: str
    on_page: Outcome
    off_session: Outcome
    says: str

    @property
    def spaced(self) -> str:
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))


CARDS: Final = (
    Card("4242424242424242", Outcome.PAYS, Outcome.PAYS, "pays"),
    Card("4000000000000002", Outcome.DECLINED, Outcome.DECLINED, "is declined"),
    Card("4000000000009995", Outcome.NO_FUNDS, Outcome.NO_FUNDS, "has insufficient funds"),
    Card("4000002500003155", Outcome.ASKS, Outcome.PAYS, "asks for 3-D Secure here, and then pays off-session"),
    Card("4000000000003220", Outcome.ASKS, Outcome.ASKS, "asks for 3-D Secure every time"),
    Card("4000000000000341", Outcome.PAYS, Outcome.DECLINED, "pays here, is declined off-session"),
)
BY_NUMBER: Final = {card.number: card for card in CARDS}
WHY: Final = {
    Outcome.DECLINED: "Your card was declined. Nothing was charged; try another card.",
    Outcome.NO_FUNDS: "Your card has insufficient funds. Nothing was charged; try another card.",
}


def known(typed: str) -> Card | None:
    return BY_NUMBER.get(re.sub(r"[\s-]", "", typed))


def problem_with(typed: str) -> str:
    """Return why a card does not pay; empty when it does, or asks its holder first."""
    if not typed.strip():
        return "Enter a card number."
    card = known(typed)
    if card is None:
        return f"The sandbox knows {len(CARDS)} cards only; they are listed below."
    return WHY.get(card.on_page, "")
