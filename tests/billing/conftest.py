"""What the pages' tests share: a clock that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import time_machine

from tests.billing.seed import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield
