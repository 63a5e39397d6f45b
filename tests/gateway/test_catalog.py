from __future__ import annotations

import json
from uuid import UUID

import pytest

from gateway.cards import Offer
from gateway.catalog import Catalog
from gateway.errors import ModelNotFound, Unavailable
from gateway.ports import Price
from gateway.stores.memory import MemoryPrices


def price(number: int, starts_at_ms: int, ends_at_ms: int | None) -> Price:
    return Price(
        id=UUID(int=number),
        input_nanos=number,
        cached_nanos=1,
        output_nanos=1,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
    )


@pytest.fixture
def catalog() -> Catalog:
    """One model, whose price changes from 1 to 2 nano-dollars at the moment 200."""
    prices = MemoryPrices()
    prices.add("m", price(1, 100, 200))
    prices.add("m", price(2, 200, None))
    return Catalog(Offer(model="m"), prices)


async def test_the_price_is_the_one_that_holds_at_the_moment(catalog: Catalog) -> None:
    assert [(await catalog.price("m", at)).id.int for at in (100, 199, 200, 10**15)] == [1, 1, 2, 2]
    with pytest.raises(Unavailable):
        await catalog.price("m", 99)


async def test_every_list_shows_the_price_that_holds(catalog: Catalog) -> None:
    for at, dollars in ((199, "0.000000001"), (200, "0.000000002")):
        (listed,) = json.loads(await catalog.list(at))["data"]
        (provided,) = json.loads(await catalog.provider_list(at))["data"]
        assert listed["pricing"]["prompt"] == dollars
        assert json.loads(await catalog.model("m", at)) == listed
        assert provided["input_modalities"][0]["pricing"][0]["cost_usd"] == dollars


@pytest.mark.conformance(34)
@pytest.mark.parametrize("name", ["M", "m ", "", "m/m", None])
async def test_another_name_is_no_model(catalog: Catalog, name: str | None) -> None:
    with pytest.raises(ModelNotFound, match=f"`{name or ''}` does not exist"):
        catalog.require(name)
    with pytest.raises(ModelNotFound):
        await catalog.model(name or "", 200)
