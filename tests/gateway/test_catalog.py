from __future__ import annotations

import re
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog import Catalog, dollars
from gateway.errors import Unavailable
from gateway.ports import Price
from gateway.stores.memory import MemoryPrices

PLAIN = re.compile(r"\d+(\.\d+)?")


@given(st.integers(0, 10**18))
def test_a_price_is_a_plain_decimal_and_exact(nanos: int) -> None:
    assert PLAIN.fullmatch(dollars(nanos))
    assert Decimal(dollars(nanos)) * 10**9 == nanos


@pytest.mark.parametrize(
    ("nanos", "text"), [(0, "0"), (900, "0.0000009"), (180, "0.00000018"), (10**9, "1"), (1_500_000_000, "1.5")]
)
def test_nano_dollars_are_spelled_in_dollars(nanos: int, text: str) -> None:
    assert dollars(nanos) == text


def price(number: int, starts_at_ms: int, ends_at_ms: int | None) -> Price:
    return Price(
        id=UUID(int=number),
        input_nanos=1,
        cached_nanos=1,
        output_nanos=1,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
    )


async def test_the_price_is_the_one_that_holds_at_the_moment() -> None:
    prices = MemoryPrices()
    prices.add("m", price(1, 100, 200))
    prices.add("m", price(2, 200, None))
    catalog = Catalog("m", prices)
    assert [(await catalog.price("m", at)).id.int for at in (100, 199, 200, 10**15)] == [1, 1, 2, 2]
    with pytest.raises(Unavailable):
        await catalog.price("m", 99)
