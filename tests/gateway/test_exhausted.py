"""What a client is told when no upstream answers."""

from __future__ import annotations

import pytest

from gateway.exhausted import exhausted
from gateway.faults import FaultKind, UpstreamFault
from gateway.routing import Shed, ShedReason
from gateway.usage import Outcome

BAD = UpstreamFault(FaultKind.STATUS, status=503)
LATE = UpstreamFault(FaultKind.TIMEOUT)
THROTTLED, FULL = Shed(ShedReason.THROTTLED, 12.0), Shed(ShedReason.FULL, 12.0)
UNHEALTHY = Shed(ShedReason.UNHEALTHY, 12.0)
AT_CAPACITY, OVERLOADED = (429, "capacity_exhausted"), (503, "server_is_overloaded")
FAILED, TOO_LATE = (502, "upstream_error"), (504, "upstream_timeout")


def asked_to_wait(seconds: int) -> UpstreamFault:
    return UpstreamFault(FaultKind.THROTTLED, status=429, retry_after=seconds)


@pytest.mark.conformance(134, 135, 136, 138)
@pytest.mark.parametrize(
    ("faults", "shed", "told", "wait", "again"),
    [
        ([], THROTTLED, AT_CAPACITY, b"12", b"true"),
        ([], FULL, OVERLOADED, b"12", b"true"),
        ([], UNHEALTHY, OVERLOADED, b"12", b"true"),
        ([BAD], UNHEALTHY, FAILED, b"12", b"true"),
        ([BAD], THROTTLED, FAILED, b"12", b"true"),
        ([LATE], FULL, TOO_LATE, b"12", b"true"),
        ([asked_to_wait(9)], THROTTLED, AT_CAPACITY, b"9", b"true"),
        ([asked_to_wait(30)], FULL, AT_CAPACITY, b"12", b"true"),
        ([asked_to_wait(9)], UNHEALTHY, OVERLOADED, b"12", b"true"),
        ([BAD, BAD], None, FAILED, None, b"false"),
        ([BAD, LATE], None, TOO_LATE, None, b"false"),
        ([LATE, BAD], None, FAILED, None, b"false"),
        ([asked_to_wait(9), BAD], None, FAILED, None, b"false"),
        ([asked_to_wait(9), asked_to_wait(4)], None, AT_CAPACITY, b"4", b"true"),
        ([asked_to_wait(0), asked_to_wait(9)], None, AT_CAPACITY, b"5", b"true"),
        ([asked_to_wait(60), asked_to_wait(60)], None, AT_CAPACITY, b"47", b"true"),
    ],
)
def test_what_was_tried_decides_the_status_and_whether_to_come_again(
    faults: list[UpstreamFault], shed: Shed | None, told: tuple[int, str], wait: bytes | None, again: bytes
) -> None:
    error = exhausted(faults, shed, lambda: 0.0)
    headers = dict(error.headers)
    assert (error.status, error.code) == told
    assert (headers.get(b"retry-after"), headers[b"x-should-retry"]) == (wait, again)
    assert headers.get(b"retry-after-ms") == (None if wait is None else wait + b"000")


def test_what_no_upstream_failed_at_is_recorded_as_shed() -> None:
    assert {exhausted([], shed, lambda: 0.0).outcome for shed in (THROTTLED, FULL, UNHEALTHY)} == {Outcome.SHED}
    assert exhausted([BAD], UNHEALTHY, lambda: 0.0).outcome is Outcome.UPSTREAM_ERROR


@pytest.mark.parametrize(("shed", "word"), [(THROTTLED, "capacity"), (FULL, "busy"), (UNHEALTHY, "not answering")])
def test_the_reason_is_told_in_words(shed: Shed, word: str) -> None:
    assert word in exhausted([], shed, lambda: 0.0).message
