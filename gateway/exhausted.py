"""What a client is told when no upstream answers, without a word about which ones there are. Pure.

Nothing was generated, so an SDK may repeat the request; but not where two upstreams were tried: its own two repetitions
would make six calls of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import CapacityExhausted, Overloaded, UpstreamError, UpstreamTimeout
from gateway.faults import FaultKind
from gateway.routing import ShedReason
from gateway.waits import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.errors import ApiError
    from gateway.faults import UpstreamFault
    from gateway.routing import Shed

RETRY_AFTER_SECONDS = 5
AT_CAPACITY = "The model is at capacity. Please try again shortly."


def exhausted(faults: Sequence[UpstreamFault], shed: Shed | None, draw: Callable[[], float]) -> ApiError:
    """Say what the tries came to. `shed` is why no other upstream may be asked; None when the most were asked."""
    if shed is not None and not faults:
        error = _refusal(shed, draw)
    elif all(fault.kind is FaultKind.THROTTLED for fault in faults):
        error = _throttled(faults, shed, draw)
    else:
        error = _failure(faults[-1])
        if shed is not None:
            error.retry_after, error.should_retry = spread(shed.retry_after, draw), True
    if shed is not None:
        error.shed = shed.reason
    return error


def _refusal(shed: Shed, draw: Callable[[], float]) -> ApiError:
    wait = spread(shed.retry_after, draw)
    match shed.reason:
        case ShedReason.THROTTLED:
            return CapacityExhausted(AT_CAPACITY, retry_after=wait)
        case ShedReason.UNHEALTHY:
            text = "The hosts of the model are not answering well now. Please try again shortly."
            return Overloaded(text, retry_after=wait)
        case ShedReason.FULL:
            return Overloaded("The hosts of the model are busy. Please try again shortly.", retry_after=wait)


def _throttled(faults: Sequence[UpstreamFault], shed: Shed | None, draw: Callable[[], float]) -> ApiError:
    if shed is not None and shed.reason is ShedReason.UNHEALTHY:
        return _refusal(shed, draw)
    waits = [float(fault.retry_after or RETRY_AFTER_SECONDS) for fault in faults]
    if shed is not None:
        waits.append(shed.retry_after)
    return CapacityExhausted(AT_CAPACITY, retry_after=spread(min(waits), draw))


def _failure(last: UpstreamFault) -> ApiError:
    if last.kind is FaultKind.TIMEOUT:
        return UpstreamTimeout("No upstream gave a first token in time. You are not charged.")
    return UpstreamError("No upstream could answer. You are not charged.")
