from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.billing.reconciliation.accounts import keep_books

if TYPE_CHECKING:
    from accounts.models import ApiKey


@pytest.fixture
def books(key: ApiKey) -> None:
    keep_books(key)
