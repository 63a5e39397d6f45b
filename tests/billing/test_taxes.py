from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.taxes import NONE, Rules, Tax, percent

RULES = Rules("VAT", {"DE": 190_000, "CH": 81_000}, frozenset({"FR"}))


@pytest.mark.parametrize(
    ("country", "tax_id", "tax"),
    [
        ("DE", "", Tax("VAT", 190_000)),
        ("DE", "DE136695976", Tax("VAT", 190_000)),
        ("FR", "FR40303265045", Tax("VAT", 0, "Reverse charge: the recipient accounts for VAT.")),
        ("FR", "", NONE),
        ("US", "", NONE),
        ("", "", NONE),
    ],
)
def test_the_buyers_country_says_which_tax(country: str, tax_id: str, tax: Tax) -> None:
    assert RULES.tax(country, tax_id) == tax


@pytest.mark.parametrize(("subtotal", "cents"), [(0, 0), (2, 0), (3, 1), (250, 48), (10_000, 1900), (50, 10)])
def test_rule_29_tax_is_of_the_rounded_subtotal_half_up(subtotal: int, cents: int) -> None:
    assert Tax("VAT", 190_000).cents(subtotal) == cents


@given(st.integers(0, 10**12), st.integers(0, 999_999))
def test_tax_is_within_half_a_cent(subtotal: int, rate: int) -> None:
    assert abs(Tax("VAT", rate).cents(subtotal) * 1_000_000 - subtotal * rate) <= 500_000


def test_a_rate_is_spelled_as_people_do() -> None:
    assert [percent(rate) for rate in (190_000, 81_000, 0, 123_456)] == ["19 %", "8.1 %", "0 %", "12.3456 %"]
