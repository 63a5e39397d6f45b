from __future__ import annotations

import pytest

from billing.credit_form import AddCredit


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ({"amount": "10"}, 1_000),
        ({"amount": "100"}, 10_000),
        ({"amount": "other", "other": "37.50"}, 3_750),
        ({"amount": "other", "other": " $1,000 "}, 100_000),
        ({"other": "5"}, 500),
        ({"amount": "25", "other": "7"}, 700),
    ],
)
def test_an_amount_is_read_to_the_cent(typed: dict[str, str], cents: int) -> None:
    form = AddCredit(typed)
    assert form.is_valid()
    assert form.cents == cents


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "other"),
        ({"amount": "other"}, "other"),
        ({"amount": "other", "other": "4.99"}, "other"),
        ({"amount": "other", "other": "1000.01"}, "other"),
        ({"amount": "other", "other": "ten"}, "other"),
        ({"amount": "other", "other": "NaN"}, "other"),
        ({"amount": "other", "other": "sNaN"}, "other"),
        ({"amount": "other", "other": "-Infinity"}, "other"),
        ({"amount": "other", "other": "1e99"}, "other"),
        ({"amount": "other", "other": "1e999999"}, "other"),
        ({"amount": "other", "other": "10.005"}, "other"),
        ({"amount": "other", "other": "9" * 17}, "other"),
        ({"amount": "-25"}, "amount"),
    ],
)
def test_an_amount_that_cannot_be_is_told_at_its_field(typed: dict[str, str], field: str) -> None:
    form = AddCredit(typed)
    assert not form.is_valid()
    assert list(form.errors) == [field]
