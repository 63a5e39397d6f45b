"""How amounts are rounded, once, and shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import money


@pytest.mark.parametrize(
    ("nanos", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (180, "$0.00000018"),
        (2_601_900, "$0.0026019"),
        (219_724_800, "$0.2197248"),
        (500_000_000, "$0.50"),
        (123_456_789, "$0.1234567"),
        (999_999_999, "$0.9999999"),
        (1_000_000_000, "$1.00"),
        (12_409_999_999, "$12.40"),
        (1_234_567_000_000_000, "$1,234,567.00"),
        (-1_200_000_000, "−$1.20"),
        (-1, "−$0.000000001"),
        (-12_409_999_999, "−$12.40"),
    ],
)
def test_dollars_have_two_decimals_from_one_dollar_and_seven_digits_below(nanos: int, shown: str) -> None:
    assert money.dollars(nanos) == shown


@given(st.integers(-(2**63), 2**63 - 1).filter(bool))
def test_an_amount_that_is_not_zero_never_looks_like_zero(nanos: int) -> None:
    assert money.dollars(nanos).strip("−$0.,") != ""


@pytest.mark.parametrize(
    ("nanos", "shown"), [(2_002_601_900, "$2.0026019"), (0, "$0.00"), (-1_500_000_001, "−$1.500000001")]
)
def test_exact_shows_every_digit(nanos: int, shown: str) -> None:
    assert money.exact(nanos) == shown


@pytest.mark.parametrize(("amount", "shown"), [(0, "$0.00"), (1, "$0.01"), (1240, "$12.40"), (-7, "−$0.07")])
def test_cents_have_two_decimals(amount: int, shown: str) -> None:
    assert money.cents(amount) == shown


@pytest.mark.parametrize(
    ("nanos", "shown"), [(900, "$0.90"), (180, "$0.18"), (3900, "$3.90"), (1, "$0.001"), (0, "$0.00")]
)
def test_a_price_is_shown_by_the_million_tokens(nanos: int, shown: str) -> None:
    assert money.per_million(nanos) == shown


@pytest.mark.parametrize(
    ("nanos", "spelled"), [(900, "0.0000009"), (180, "0.00000018"), (3900, "0.0000039"), (1, "0.000000001"), (0, "0")]
)
def test_a_price_by_the_token_is_a_plain_decimal(nanos: int, spelled: str) -> None:
    assert money.per_token(nanos) == spelled


@given(st.lists(st.integers(0, 10**12), max_size=40))
def test_rule_29_what_is_rounded_off_is_carried_so_that_invoices_lag_by_less_than_a_cent(amounts: list[int]) -> None:
    carried = invoiced = 0
    for amount in amounts:
        cents, carried = money.floor_cents(amount, carried)
        invoiced += cents * money.NANOS_PER_CENT
        assert 0 <= carried < money.NANOS_PER_CENT
    assert invoiced + carried == sum(amounts)


@pytest.mark.parametrize("carried", [-1, money.NANOS_PER_CENT])
def test_a_cent_or_a_debt_cannot_be_carried(carried: int) -> None:
    with pytest.raises(ValueError, match="less than a cent"):
        money.floor_cents(0, carried)


@pytest.mark.parametrize(("nanos", "cents"), [(-1, 0), (0, 0), (9_999_999, 0), (10_000_000, 1), (25_000_000, 2)])
def test_an_amount_pays_for_whole_cents(nanos: int, cents: int) -> None:
    assert money.whole_cents(nanos) == cents
