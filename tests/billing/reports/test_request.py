"""One request: the arithmetic, and every field of its row."""

from __future__ import annotations

import pytest

from billing.models import RequestRecord
from billing.reports.request import Term, detail
from gateway.usage import Outcome, UsageSource
from tests.billing.seed import NOW, record, tenant

pytestmark = pytest.mark.django_db


def test_the_arithmetic_is_the_price_it_was_admitted_under() -> None:
    alice = tenant("alice")
    found = detail(alice.workspace, record(alice.key, NOW).uid)
    assert found is not None
    assert found.terms == (
        Term("Input tokens", 234, 900, 210_600),
        Term("Cached input tokens", 1000, 180, 180_000),
        Term("Output tokens", 567, 3900, 2_211_300),
    )
    assert found.total_nanos == found.row.cost_nanos == 2_601_900
    assert not found.estimated


def test_a_waived_request_shows_what_it_would_have_cost() -> None:
    alice = tenant("alice")
    found = detail(
        alice.workspace, record(alice.key, NOW, outcome=Outcome.STALLED, usage_source=UsageSource.COUNTED).uid
    )
    assert found is not None
    assert (found.row.cost_nanos, found.row.waived_nanos, found.total_nanos) == (0, 2_601_900, 2_601_900)
    assert found.estimated
    assert not found.row.reason.charged


def test_what_is_held_about_a_request_is_every_column_of_its_row() -> None:
    alice = tenant("alice")
    made = record(alice.key, NOW, first_token_ms=None)
    found = detail(alice.workspace, made.uid)
    assert found is not None
    stored = {item.name: item.value for item in found.stored}
    assert list(stored) == [field.column for field in RequestRecord._meta.concrete_fields]
    assert stored["uid"] == str(made.uid)
    assert stored["stream"] == "true"
    assert stored["first_token_ms"] == "null"
    assert stored["cost_nanos"] == "2601900"


def test_another_workspaces_request_is_not_found() -> None:
    alice, mallory = tenant("alice"), tenant("mallory")
    assert detail(mallory.workspace, record(alice.key, NOW).uid) is None
