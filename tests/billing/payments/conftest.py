"""Both providers, each at its desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.billing.payments.desks import SandboxDesk, StripeDesk
from tests.fakes import payments, stripe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.billing.payments.desks import Desk
    from tests.fakes.payments import Payments
    from tests.fakes.stripe import Stripe


@pytest.fixture(scope="module")
def sandbox_payments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    with payments.running(tmp_path_factory.mktemp("payments")) as running:
        yield running


@pytest.fixture
def fake_stripe() -> Iterator[Stripe]:
    with stripe.running() as running:
        yield running


@pytest.fixture(params=["sandbox", "stripe"])
def desk(request: pytest.FixtureRequest) -> Desk:
    if request.param == "sandbox":
        return SandboxDesk(request.getfixturevalue("sandbox_payments"))
    return StripeDesk(request.getfixturevalue("fake_stripe"))
