"""What tokens cost and who pays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import pricing
from gateway.usage import Outcome, Tokens

LAUNCH = pricing.Rates(input_nanos=900, cached_nanos=180, output_nanos=3900)
counts = st.integers(0, pricing.MOST_TOKENS // 30)


@st.composite
def usages(draw: st.DrawFn) -> Tokens:
    prompt, completion = draw(counts), draw(counts)
    return Tokens(prompt, draw(st.integers(0, prompt)), completion, draw(st.integers(0, completion)))


@pytest.mark.parametrize(
    ("tokens", "nanos"),
    [
        (Tokens(1_000_000, 0, 1_000_000), 4_800_000_000),
        (Tokens(1234, 1000, 567), 2_601_900),
        (Tokens(1, 1, 0), 180),
        (Tokens(262_144, 200_000, 32_768), 219_724_800),
        (Tokens(0, 0, 0), 0),
    ],
)
def test_rule_3_the_formula_is_exact(tokens: Tokens, nanos: int) -> None:
    assert pricing.charge(tokens, LAUNCH).total == nanos


def test_rule_3_reasoning_is_inside_completion_and_not_added_again() -> None:
    assert pricing.charge(Tokens(10, 0, 100, reasoning=90), LAUNCH) == pricing.charge(Tokens(10, 0, 100), LAUNCH)


@given(st.lists(usages(), max_size=30))
def test_rule_1_the_sum_of_parts_is_the_part_of_sums(requests: list[Tokens]) -> None:
    summed = Tokens(
        sum(tokens.prompt for tokens in requests),
        sum(tokens.cached for tokens in requests),
        sum(tokens.completion for tokens in requests),
    )
    assert sum(pricing.charge(tokens, LAUNCH).total for tokens in requests) == pricing.charge(summed, LAUNCH).total


@pytest.mark.parametrize(
    "tokens",
    [
        Tokens(1, 2, 0),
        Tokens(-1, 0, 0),
        Tokens(1, -1, 0),
        Tokens(0, 0, -1),
        Tokens(0, 0, 1, 2),
        Tokens(0, 0, 1, -1),
        Tokens(10**9 + 1),
        Tokens(0, 0, 10**9 + 1),
    ],
)
def test_impossible_counts_have_no_price(tokens: Tokens) -> None:
    with pytest.raises(pricing.ImpossibleTokens):
        pricing.charge(tokens, LAUNCH)


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.CLIENT_GONE])
def test_rule_7_answers_and_what_was_generated_until_the_customer_left_are_charged(outcome: Outcome) -> None:
    assert pricing.bill(Tokens(1234, 1000, 567), outcome, LAUNCH) == pricing.Bill(cost_nanos=2_601_900, waived_nanos=0)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.COMPLETED, Outcome.CLIENT_GONE}))
def test_rule_7_all_else_is_free_and_says_what_was_waived(outcome: Outcome) -> None:
    assert pricing.bill(Tokens(1234, 1000, 567), outcome, LAUNCH) == pricing.Bill(cost_nanos=0, waived_nanos=2_601_900)
