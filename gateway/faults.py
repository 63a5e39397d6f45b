"""What can go wrong with an upstream, and whose fault it is. Pure.

Nothing of an upstream's own words is kept: its error bodies may quote the prompt, so only known markers are read.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import InvalidRequest, UpstreamBrokeOff, UpstreamError, UpstreamStalled, UpstreamTruncated
from gateway.retry_after import seconds
from gateway.schema import CONTEXT_TOKENS

THROTTLED_STATUS = 429
REQUEST_AT_FAULT = frozenset({400, 413, 422})
FORBIDDEN = 403  # of some hosts the answer to more than the context holds, too
ACCOUNT_AT_FAULT = frozenset({401, 402, FORBIDDEN, 404})
OUR_QUOTA = b"exceeded_current_quota_error"  # a 429 that no waiting ends: the account with the upstream is empty
CONTEXT = "context_length_exceeded"


class FaultKind(StrEnum):
    """The bounded label a fault is logged and counted under."""

    CONNECT = "connect"  # no connection: as likely our network's fault as the upstream's
    RESET = "reset"  # a kept connection was closed in the moment of its reuse
    TIMEOUT = "timeout"  # no first token in time
    STATUS = "status"  # any answer but 200 that is none of the next three
    ACCOUNT = "account"  # our key, balance or model there is refused: an operator has to act
    THROTTLED = "throttled"
    REFUSED = "refused"  # the upstream blames the request
    NOT_A_STREAM = "not_a_stream"
    MALFORMED = "malformed"
    ERROR_EVENT = "error_event"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    CUT = "cut"  # the connection, after the request had gone out
    STALLED = "stalled"


BLAMELESS = frozenset({FaultKind.REFUSED, FaultKind.RESET})


class UpstreamFault(Exception):  # noqa: N818 - the field's word
    """One attempt failed, or an answer broke off."""

    def __init__(self, kind: FaultKind, *, status: int = 0, retry_after: int = 0, code: str = "") -> None:
        super().__init__(f"{kind} {status}" if status else kind)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.code = code

    @property
    def fails_over(self) -> bool:
        """Only a request that is itself at fault is told so; anything else is tried elsewhere."""
        return self.kind is not FaultKind.REFUSED

    @property
    def blames_upstream(self) -> bool:
        """Whether it counts against the upstream's health."""
        return self.kind not in BLAMELESS


def of_status(status: int, retry_after: bytes, body: bytes, now_ms: int) -> UpstreamFault:
    """Read an answer that is not 200. `body` is its beginning, searched for known markers and forgotten."""
    if status == THROTTLED_STATUS and OUR_QUOTA not in body:
        return UpstreamFault(FaultKind.THROTTLED, status=status, retry_after=seconds(retry_after, now_ms))
    code = _refusal(body)
    if status in REQUEST_AT_FAULT or (status == FORBIDDEN and code == CONTEXT):
        return UpstreamFault(FaultKind.REFUSED, status=status, code=code)
    ours = status in ACCOUNT_AT_FAULT or status == THROTTLED_STATUS
    return UpstreamFault(FaultKind.ACCOUNT if ours else FaultKind.STATUS, status=status)


def _refusal(body: bytes) -> str:
    text = body.lower()
    if b"content_filter" in text:
        return "content_filter"
    if b"context_length" in text or b"token limit" in text or b"maximum context" in text:
        return CONTEXT
    return "request_rejected"


def refusal(fault: UpstreamFault) -> InvalidRequest:
    """Tell the customer, in our words, that the model's host refused the request."""
    if fault.code == CONTEXT:
        text = f"The messages and the completion do not fit into the model's context of {CONTEXT_TOKENS} tokens."
        return InvalidRequest(text, code=fault.code, param="messages")
    if fault.code == "content_filter":
        return InvalidRequest("The request was refused by the content filter.", code=fault.code)
    return InvalidRequest("The model refused the request as invalid. Check its parameters.", code=fault.code)


def interruption(fault: UpstreamFault) -> UpstreamError:
    """Tell the customer that an answer broke off."""
    match fault.kind:
        case FaultKind.STALLED:
            return UpstreamStalled("The upstream did not go on with its answer in time. You are not charged for it.")
        case FaultKind.TRUNCATED:
            return UpstreamTruncated("The upstream ended its answer early. You are not charged for it.")
        case _:
            return UpstreamBrokeOff("The upstream broke off amid its answer. You are not charged for it.")
