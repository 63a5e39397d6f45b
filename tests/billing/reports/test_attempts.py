"""The attempts of a request, in words."""

from __future__ import annotations

import pytest

from billing.models import RequestRecord
from billing.reports.attempts import ANSWERED, Attempt, attempts
from gateway.faults import FaultKind
from gateway.usage import Try
from tests.billing.seed import NOW, record, tenant

pytestmark = pytest.mark.django_db


def kept(*tries: Try) -> tuple[Attempt, ...]:
    uid = record(tenant("alice").key, NOW, tries=tries).uid
    return attempts(RequestRecord.objects.get(uid=uid))


def test_a_failover_is_two_attempts_one_after_the_other() -> None:
    assert kept(Try("first", "timeout", 0, 8000), Try("second", "", 200, 340)) == (
        Attempt("first", "gave no first token in time", answered=False, status=0, after_ms=0, took_ms=8000),
        Attempt("second", ANSWERED, answered=True, status=200, after_ms=8000, took_ms=340),
    )


def test_one_that_answered_is_told_by_the_record_itself() -> None:
    assert kept(Try("first", "", 200, 340)) == ()


@pytest.mark.parametrize("fault", FaultKind)
def test_every_fault_has_its_words(fault: FaultKind) -> None:
    (attempt,) = kept(Try("first", fault, 0, 1))
    assert attempt.words not in {"failed", ANSWERED}
    assert not attempt.answered


def test_a_fault_of_another_release_is_a_failure() -> None:
    (attempt,) = kept(Try("first", "novel", 0, 1))
    assert attempt.words == "failed"
