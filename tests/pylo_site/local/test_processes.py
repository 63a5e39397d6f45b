from __future__ import annotations

from pathlib import Path

from pylo_site.local.processes import Site, listed

VAR = Path("/srv/pylo/var")


def test_the_sandboxs_parts_run_only_when_they_are_wanted() -> None:
    everything = listed(Site("127.0.0.1", 8000, (7001, 7003), 7002), VAR, {"PYLO_PAYMENTS_SECRET": "s"})
    assert [each.name for each in everything] == [
        "web",
        "shipper",
        "worker",
        "beat",
        "upstream-a",
        "upstream-b",
        "payments",
    ]
    own = listed(Site("127.0.0.1", 8000, (), None), VAR, {})
    assert [each.name for each in own] == ["web", "shipper", "worker", "beat"]


def test_payments_are_told_where_the_portal_is_reached() -> None:
    payments = listed(Site("0.0.0.0", 8001, (), 7002), VAR, {"PYLO_PAYMENTS_SECRET": "s"})[-1]  # noqa: S104
    assert payments.words[-1] == "http://127.0.0.1:8001/billing/webhooks/payments/"
    payments = listed(Site("::1", 8001, (), 7002), VAR, {"PYLO_PAYMENTS_SECRET": "s"})[-1]
    assert payments.words[-1] == "http://[::1]:8001/billing/webhooks/payments/"
