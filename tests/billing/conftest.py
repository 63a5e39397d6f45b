"""A price, a workspace and its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import time_machine

from tests.billing.factories import launch_price, make_key, make_workspace
from tests.billing.seed import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import ApiKey, Workspace
    from billing.models import Price


@pytest.fixture(name="launch_price")
def _launch_price(db: None) -> Price:
    return launch_price()


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
