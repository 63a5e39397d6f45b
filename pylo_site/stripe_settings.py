"""What is said of Stripe in the environment, read and judged together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pylo_site.env import Environment

LIVE = ("sk_live_", "rk_live_")
TEST = ("sk_test_", "rk_test_")


def read(env: Environment, *, sandbox: bool) -> tuple[str, str, str]:
    """Return the secret key, the webhook's secret and another API's URL than Stripe's, for tests; each may be empty."""
    key, webhook = env.text("PYLO_STRIPE_SECRET_KEY"), env.text("PYLO_STRIPE_WEBHOOK_SECRET")
    api = env.text("PYLO_STRIPE_API_BASE")
    if api:
        env.url("PYLO_STRIPE_API_BASE", "pylo.E071", schemes=("http", "https"))
    live = key.startswith(LIVE)
    if bool(key) != bool(webhook):
        env.problem(
            "pylo.E068",
            "Only one of PYLO_STRIPE_SECRET_KEY and PYLO_STRIPE_WEBHOOK_SECRET is set.",
            "Set both or none: without the webhook's a payment is credited late when the payer's browser stays away.",
        )
    if key and not key.startswith((*LIVE, *TEST)):
        env.problem(
            "pylo.E069",
            "PYLO_STRIPE_SECRET_KEY is no secret key of Stripe's.",
            "It begins with sk_live_, rk_live_, sk_test_ or rk_test_; the publishable key (pk_) is not needed.",
        )
    if live and sandbox:
        env.problem(
            "pylo.E070",
            "PYLO_STRIPE_SECRET_KEY is a live key, and PYLO_SANDBOX or PYLO_PAYMENTS_URL is set.",
            "Take a test key here, or unset the sandbox: real cards would pay for answers of a stand-in.",
        )
    if live and api:
        env.problem(
            "pylo.E072",
            "PYLO_STRIPE_API_BASE is set with a live key.",
            "Unset it: the key and every payment would go to that address instead of Stripe's.",
        )
    return key, webhook, api
