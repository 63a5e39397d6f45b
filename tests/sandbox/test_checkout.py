from __future__ import annotations

from typing import Any

import pytest

from sandbox.checkout import Sessions, Unacceptable, problem_with

ASKED = {"amount_cents": 2_500, "reference": "w1", "return_url": "http://localhost:8000/back/"}


def test_a_session_starts_open_and_stays_paid() -> None:
    sessions = Sessions()
    session = sessions.create(ASKED)
    assert (session.status, session.amount, session.reference) == ("open", "$25.00", "w1")
    assert sessions.pay(session).status == "paid"
    found = sessions.get(session.id)
    assert found is not None
    assert found.status == "paid"


def test_the_payer_returns_with_the_sessions_id() -> None:
    session = Sessions().create(ASKED | {"return_url": "http://localhost:8000/back/?from=here"})
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
        Sessions().create(asked)


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("4242 4242 4242 4242", ""),
        ("4242-4242-4242-4242", ""),
        ("4000000000000002", "declined"),
        ("", "Enter a card number"),
        ("5555", "two cards only"),
    ],
)
def test_one_card_pays_and_the_others_say_why_not(card: str, says: str) -> None:
    problem = problem_with(card)
    assert bool(problem) == bool(says)
    assert says in problem
