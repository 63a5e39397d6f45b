from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BudgetExceeded, InsufficientQuota, InvalidRequest, MaxCostExceeded
from gateway.purses import Budget, Wallet, granted
from gateway.quotes import most_cost, refusal, wanted
from gateway.schema import CONTEXT_TOKENS
from gateway.validation import TOKENS_PER_MESSAGE
from tests.fakes.purses import PRICE
from tests.gateway.conftest import KEY, WORKSPACE
from tests.gateway.requests import accepted

NOVEMBER_26 = 1_795_651_200_000


@pytest.mark.parametrize(
    ("value", "nanos"),
    [(b"0.05", 50_000_000), (b"1", 10**9), (b"0", 0), (b"0.000000001", 1), (b"12.5", 12_500_000_000)],
)
def test_a_ceiling_is_read_to_the_last_digit(value: bytes, nanos: int) -> None:
    assert most_cost([value]) == nanos
    assert most_cost([]) is None


@pytest.mark.parametrize(
    "values", [[b""], [b"-1"], [b"$1"], [b"1e3"], [b".5"], [b"1."], [b"0.0000000001"], [b"1", b"1"], [b"nan"], [b" 1"]]
)
def test_a_ceiling_that_is_no_amount_is_a_400(values: list[bytes]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        most_cost(values)
    assert (caught.value.status, caught.value.code) == (400, "invalid_max_cost")


def test_rule_22_a_hold_is_of_every_byte_and_every_token_of_the_limit() -> None:
    asked = wanted(accepted(max_tokens=1000), 500, PRICE, [])
    assert (asked.prompt_tokens, asked.want, asked.least, asked.soft) == (572, 1000, 64, False)
    assert asked.nanos(1000) == 572 * 900 + 1000 * 3900


def test_a_request_without_a_limit_asks_for_the_usual_one_and_never_beyond_the_context() -> None:
    chat = accepted()
    assert [wanted(chat, size, PRICE, []).want for size in (100, 230_000, 240_000, 4_000_000)] == [
        *(32_768, 32_072, 22_072),
        4_096,
    ]
    assert wanted(chat, 4_000_000, PRICE, []).prompt_tokens == CONTEXT_TOKENS


def test_a_short_answer_that_is_asked_for_may_be_short() -> None:
    assert wanted(accepted(max_tokens=3), 100, PRICE, []).least == 3


def test_a_requests_own_ceiling_cuts_its_answer() -> None:
    asked = wanted(accepted(max_tokens=1000), 500, PRICE, [b"0.001"])
    assert asked.want == (1_000_000 - 572 * 900) // 3900 == 124
    assert asked.nanos(asked.want) <= 1_000_000


def test_a_ceiling_below_the_prompt_is_a_402_of_its_own() -> None:
    with pytest.raises(MaxCostExceeded) as caught:
        wanted(accepted(), 500, PRICE, [b"0.0005"])
    error = caught.value
    assert (error.status, error.code, error.type) == (402, "max_cost_exceeded", "invalid_request_error")
    assert "X-Pylo-Max-Cost of $0.0005" in error.message


@given(
    st.integers(0, 5_000_000),
    st.integers(1, CONTEXT_TOKENS - TOKENS_PER_MESSAGE) | st.none(),
    st.lists(st.integers(-(10**9), 10**10), max_size=4),
)
def test_rule_23_what_is_granted_is_paid_by_every_purse(size: int, limit: int | None, purses: list[int]) -> None:
    asked = wanted(accepted(**({} if limit is None else {"max_tokens": limit})), size, PRICE, [])
    tokens, poorest = granted(asked, purses)
    assert tokens <= asked.want
    if tokens >= asked.least:
        assert all(asked.nanos(tokens) <= free for free in purses)
    else:
        assert asked.fits(purses[poorest]) == tokens


@pytest.mark.parametrize(
    ("period", "named"),
    [
        ("day", "the daily budget of this API key, $1.00, resets 2026-11-27 00:00 UTC"),
        ("week", "the weekly budget of this API key, $1.00, resets 2026-11-30 00:00 UTC"),
        ("month", "the monthly budget of this API key, $1.00, resets 2026-12-01 00:00 UTC"),
        ("total", "the total budget of this API key, $1.00:"),
    ],
)
def test_rule_26_a_refusal_names_the_limit_and_when_it_resets(period: str, named: str) -> None:
    wallet = Wallet(WORKSPACE, 1, {}, (Budget(KEY, period, 10**9),))
    balance, budget = wallet.purses(KEY, NOVEMBER_26 + 86_399_999)
    asked = wanted(accepted(), 500, PRICE, [])
    error = refusal(budget, 5, asked)
    assert (type(error), error.code, error.should_retry) == (BudgetExceeded, "budget_exceeded", False)
    assert named in error.message
    assert "$0.000000005 is available" in error.message
    assert type(refusal(balance, 5, asked)) is InsufficientQuota


def test_rule_26_a_request_counts_in_the_period_of_its_admission() -> None:
    wallet = Wallet(WORKSPACE, 1, {}, (Budget(None, "day", 1), Budget(KEY, "week", 1), Budget(WORKSPACE, "day", 1)))
    before, after = (wallet.purses(KEY, NOVEMBER_26 + 86_400_000 + ms) for ms in (-1, 0))
    assert [purse.key.partition(":")[2] for purse in before] == [
        "balance",
        "day:2026-11-26:",
        f"week:2026-11-23:{KEY.hex}",
    ]
    assert [purse.key.partition(":")[2] for purse in after][1] == "day:2026-11-27:"
