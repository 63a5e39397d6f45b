"""What a client may be told. Each error knows its status, type, code and headers; messages never quote a prompt.

ApiError
├── InvalidRequest 400 ── Unauthorized 401 · InsufficientQuota 402 ── BudgetExceeded · MaxCostExceeded
│                         PermissionDenied 403 · UnknownUrl 404 · ModelNotFound 404 · RequestNotFound 404
│                         MethodNotAllowed 405 · RequestTooLarge 413
│                         UnsupportedMediaType 415 · RateLimitExceeded 429 ── TokenRateLimitExceeded
│                         retry_errors: InProgress 409 · AlreadyCompleted 409 · IdempotencyMismatch 422
├── Unavailable 503 ───── Overloaded 503 · ShuttingDown 503 · CapacityExhausted 429   ours, and soon over: try again
├── UpstreamError 502 ─── UpstreamTimeout 504                           no upstream gave a first token
│                         UpstreamBrokeOff · UpstreamTruncated · UpstreamStalled     after the first: in the stream
└── InternalError 500
"""
# ruff: noqa: N818 - an error is named for what it tells

from __future__ import annotations

from typing import ClassVar

import msgspec

from gateway.usage import Outcome

Headers = list[tuple[bytes, bytes]]
COST = b"x-pylo-cost"  # what a request is charged, in dollars
LONGEST_ECHO = 120
LONGEST_WAIT_SECONDS = 59  # SDKs ignore, or give up on, a Retry-After of a minute and more


class ClientGone(Exception):
    """The client hung up: an event of the connection, and nobody's error."""


class BrokenOff(Exception):
    """An answer in one piece broke after its status was sent: only a cut of the connection, by the server, shows it."""


def echoed(text: str) -> str:
    """Return what a message may repeat of a name the client wrote: printable ASCII, and not too much of it."""
    return "".join(char for char in text[:LONGEST_ECHO] if char.isascii() and char.isprintable())


class ErrorBody(msgspec.Struct, frozen=True):
    message: str
    type: str
    param: str | None
    code: str | None


class Envelope(msgspec.Struct, frozen=True):
    """OpenAI's error body: all four keys, always."""

    error: ErrorBody


class ApiError(Exception):
    """Any refusal or failure that reaches a client."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str = "internal_error"
    should_retry: bool = False
    shed: str = ""  # what there was too much of, or none of: a bounded word for the log and the metrics
    outcome: ClassVar[Outcome] = Outcome.INTERRUPTED  # of an admitted request that ends with this

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        param: str | None = None,
        retry_after: int = 0,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.code
        self.retry_after = min(max(retry_after, 0), LONGEST_WAIT_SECONDS)
        self.should_retry = self.should_retry and retry_after <= LONGEST_WAIT_SECONDS
        self.own_headers = headers or []

    @property
    def metric(self) -> str:
        """The bounded label errors are counted under."""
        return f"{self.status}.{self.code}"

    @property
    def headers(self) -> Headers:
        headers = [*self.own_headers, (b"x-should-retry", b"true" if self.should_retry else b"false")]
        if self.retry_after:
            headers.append((b"retry-after", b"%d" % self.retry_after))
            headers.append((b"retry-after-ms", b"%d" % (self.retry_after * 1000)))
        return headers

    @property
    def body(self) -> ErrorBody:
        return ErrorBody(message=self.message, type=self.type, param=self.param, code=self.code)

    def json(self) -> bytes:
        return msgspec.json.encode(Envelope(self.body))


class InvalidRequest(ApiError):
    """The request itself is at fault; to send it again cannot help."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"
    outcome = Outcome.UPSTREAM_REFUSED


class Unauthorized(InvalidRequest):
    """One answer to no key, a malformed, unknown, expired or revoked one: nothing is told apart."""

    status = 401
    code = "invalid_api_key"

    def __init__(self, message: str = "") -> None:
        super().__init__(
            # Older LiteLLM takes a 401 for a bad request unless it reads the first four words.
            message
            or "Incorrect API key provided, or none. Send 'Authorization: Bearer <key>'; keys are made in the portal.",
            headers=[(b"www-authenticate", b'Bearer realm="pylo"')],
        )


class InsufficientQuota(InvalidRequest):
    """402, not 429: no SDK repeats it, and only a payment helps."""

    status = 402
    type = "insufficient_quota"
    code = "insufficient_quota"


class BudgetExceeded(InsufficientQuota):
    code = "budget_exceeded"


class MaxCostExceeded(InsufficientQuota):
    type = "invalid_request_error"
    code = "max_cost_exceeded"


class PermissionDenied(InvalidRequest):
    status = 403
    type = "permission_error"
    code = "insufficient_permissions"


class UnknownUrl(InvalidRequest):
    status = 404
    code = "unknown_url"


class ModelNotFound(InvalidRequest):
    status = 404
    code = "model_not_found"


class RequestNotFound(InvalidRequest):
    """The workspace has no such request, whoever else may have one."""

    status = 404
    code = "request_not_found"

    def __init__(self) -> None:
        super().__init__("No request of this workspace has that id.", param="id")


class MethodNotAllowed(InvalidRequest):
    status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message, headers=[(b"allow", allow.encode("ascii"))])


class RequestTooLarge(InvalidRequest):
    status = 413
    code = "request_too_large"


class UnsupportedMediaType(InvalidRequest):
    status = 415
    code = "unsupported_media_type"


class RateLimitExceeded(InvalidRequest):
    """A customer's own limit, unlike `CapacityExhausted`."""

    status = 429
    type = "requests"
    code = "rate_limit_exceeded"
    should_retry = True


class TokenRateLimitExceeded(RateLimitExceeded):
    type = "tokens"


class Unavailable(ApiError):
    """Something of ours is away: a key store, a journal, a price. Never a 401, never a 402."""

    status = 503
    type = "service_unavailable_error"
    code = "unavailable"
    should_retry = True
    outcome = Outcome.SHED


class Overloaded(Unavailable):
    code = "server_is_overloaded"

    def __init__(self, message: str, *, retry_after: int = 0, shed: str = "") -> None:
        super().__init__(message, retry_after=retry_after)
        self.shed = shed


class ShuttingDown(Unavailable):
    """The process ends before the answer did."""

    code = "server_shutting_down"
    outcome = Outcome.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("This server is shutting down, and the answer took too long for it.", retry_after=1)


class CapacityExhausted(Unavailable):
    """Every upstream asked us to slow down."""

    status = 429
    type = "rate_limit_error"
    code = "capacity_exhausted"


class UpstreamError(ApiError):
    """No upstream gave a first token."""

    status = 502
    type = "upstream_error"
    code = "upstream_error"
    outcome = Outcome.UPSTREAM_ERROR


class UpstreamTimeout(UpstreamError):
    status = 504
    type = "timeout_error"
    code = "upstream_timeout"
    outcome = Outcome.UPSTREAM_TIMEOUT


class UpstreamBrokeOff(UpstreamError):
    """Broken after the first token; the status shows only to a client that does not stream."""

    outcome = Outcome.UPSTREAM_CUT


class UpstreamTruncated(UpstreamBrokeOff):
    """A clean end without a finish reason."""

    code = "upstream_truncated"


class UpstreamStalled(UpstreamTimeout):
    outcome = Outcome.STALLED


class InternalError(ApiError):
    should_retry = True

    def __init__(self) -> None:
        super().__init__("The server had an error while processing your request. Sorry about that.")
