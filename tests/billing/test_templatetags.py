"""`{% load money %}`."""

from __future__ import annotations

import pytest
from django.template import Context, Template


@pytest.mark.parametrize(
    ("expression", "value", "shown"),
    [
        ("usd", 12_400_000_000, "$12.40"),
        ("usd", 2_601_900, "$0.0026019"),
        ("usd", 0, "$0.00"),
        ("exact_usd", 12_400_000_001, "$12.400000001"),
        ("cents", 1240, "$12.40"),
        ("thousands", 1_234_567, "1,234,567"),
        ("per_million", 900, "$0.90"),
    ],
)
def test_a_filter_shows_money_and_counts(expression: str, value: int, shown: str) -> None:
    template = Template(f"{{% load money %}}{{{{ value|{expression} }}}}")
    assert template.render(Context({"value": value})) == shown
    assert template.render(Context({"value": None})) == ""
