"""What a call's end says about its upstream. Pure."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from gateway.faults import FaultKind

if TYPE_CHECKING:
    from gateway.faults import UpstreamFault

UNSUPPORTED_MEDIA = 415  # our request was no good


class Verdict(IntEnum):
    """Numbers, for they index the counts."""

    OK = 0
    SLOW = 1  # a first token, but behind the slow mark
    FAILED = 2
    TIMEOUT = 3  # no first token in time: a failure that took longest to learn of
    UNREACHED = 4  # a failure that may be this host's own network
    THROTTLED = 5
    IGNORED = 6

    @property
    def is_failure(self) -> bool:
        return self in FAILURES


FAILURES = frozenset({Verdict.FAILED, Verdict.TIMEOUT, Verdict.UNREACHED})
KINDS = {
    FaultKind.CONNECT: Verdict.UNREACHED,
    FaultKind.TIMEOUT: Verdict.TIMEOUT,
    FaultKind.THROTTLED: Verdict.THROTTLED,
    FaultKind.REFUSED: Verdict.IGNORED,
    FaultKind.RESET: Verdict.IGNORED,
}


def of(fault: UpstreamFault) -> Verdict:
    """Judge a fault; one that no other rule names is the upstream's failure, before its first token and after it."""
    if fault.kind is FaultKind.STATUS and fault.status == UNSUPPORTED_MEDIA:
        return Verdict.IGNORED
    return KINDS.get(fault.kind, Verdict.FAILED)
