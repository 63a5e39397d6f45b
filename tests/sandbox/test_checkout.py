from __future__ import annotations

from typing import Any

import pytest

from sandbox.cards import known, problem_with
from sandbox.checkout import Sessions
from sandbox.vault import Unacceptable, Vault

ASKED = {"amount_cents": 2_500, "reference": "w1", "return_url": "http://localhost:8000/back/"}


def test_a_session_starts_open_and_stays_paid() -> None:
    sessions, card = Sessions(Vault()), known("4242424242424242")
    assert card is not None
    session = sessions.create(ASKED)
    assert (session.status, session.amount, session.reference) == ("open", "$25.00", "w1")
    assert sessions.offer(session, card).status == "paid"
    found = sessions.get(session.id)
    assert found is not None
    assert found.status == "paid"


def test_the_payer_returns_with_the_sessions_id() -> None:
    session = Sessions(Vault()).create(ASKED | {"return_url": "http://localhost:8000/back/?from=here"})
    assert session.returning == f"http://localhost:8000/back/?from=here&session={session.id}"


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        ASKED | {"amount_cents": 0},
        ASKED | {"amount_cents": True},
        ASKED | {"amount_cents": 12.5},
        ASKED | {"amount_cents": 10**9},
        ASKED | {"reference": ""},
        ASKED | {"return_url": "javascript:alert(1)"},
    ],
)
def test_nonsense_makes_no_session(asked: Any) -> None:
    with pytest.raises(Unacceptable):
        Sessions(Vault()).create(asked)


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("4242 4242 4242 4242", ""),
        ("4242-4242-4242-4242", ""),
        ("4000 0025 0000 3155", ""),
        ("4000000000000002", "declined"),
        ("4000000000009995", "insufficient funds"),
        ("", "Enter a card number"),
        ("5555", "6 cards only"),
    ],
)
def test_a_card_pays_or_says_why_not(card: str, says: str) -> None:
    problem = problem_with(card)
    assert bool(problem) == bool(says)
    assert says in problem


def test_a_card_that_asks_its_holder_pays_once_the_holder_approves() -> None:
    vault = Vault()
    sessions, card = Sessions(vault), known("4000 0025 0000 3155")
    assert card is not None
    asked = sessions.offer(sessions.create(ASKED), card)
    assert (asked.status, vault.payments[asked.payment_intent].status) == ("open", "needs_authentication")
    refused = sessions.refuse(asked)
    assert (refused.asking, vault.payments[asked.payment_intent].status) == (None, "open")
    assert sessions.approve(sessions.offer(refused, card)).status == "paid"
    assert vault.payments[asked.payment_intent].status == "succeeded"
