"""A price, a workspace and its key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import time_machine

from billing.models import Price
from tests.billing.factories import LAUNCH_PRICE, MODEL, make_key, make_workspace
from tests.billing.seed import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import ApiKey, Workspace


@pytest.fixture
def launch_price(db: None) -> Price:
    """The price of the migration; put again where a test that truncates ran before."""
    rates = {"input_nanos": 900, "cached_nanos": 180, "output_nanos": 3900}
    return Price.objects.get_or_create(
        id=LAUNCH_PRICE, defaults={"model": MODEL, "starts_at": datetime(2026, 1, 1, tzinfo=UTC), **rates}
    )[0]


@pytest.fixture
def workspace(launch_price: Price) -> Workspace:
    return make_workspace()


@pytest.fixture
def key(workspace: Workspace) -> ApiKey:
    return make_key(workspace)


@pytest.fixture
def at_now() -> Iterator[None]:
    """Let the clock of the pages stand still."""
    with time_machine.travel(NOW, tick=False):
        yield
