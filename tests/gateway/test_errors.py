from __future__ import annotations

import json

import msgspec
import pytest

from gateway import errors, retry_errors
from gateway.errors import ApiError


class Empty(msgspec.Struct):
    """Nothing beside the four keys."""


CATALOGUE: list[tuple[ApiError, int, str, str, str]] = [
    (errors.InvalidRequest("m"), 400, "invalid_request_error", "invalid_request", "false"),
    (errors.Unauthorized(), 401, "invalid_request_error", "invalid_api_key", "false"),
    (errors.InsufficientQuota("m"), 402, "insufficient_quota", "insufficient_quota", "false"),
    (errors.BudgetExceeded("m"), 402, "insufficient_quota", "budget_exceeded", "false"),
    (errors.MaxCostExceeded("m"), 402, "invalid_request_error", "max_cost_exceeded", "false"),
    (errors.PermissionDenied("m"), 403, "permission_error", "insufficient_permissions", "false"),
    (errors.UnknownUrl("m"), 404, "invalid_request_error", "unknown_url", "false"),
    (errors.RequestNotFound(), 404, "invalid_request_error", "request_not_found", "false"),
    (errors.ModelNotFound("m"), 404, "invalid_request_error", "model_not_found", "false"),
    (errors.MethodNotAllowed("m", allow="POST"), 405, "invalid_request_error", "method_not_allowed", "false"),
    (retry_errors.InProgress("m"), 409, "idempotency_error", "idempotency_key_in_progress", "true"),
    (retry_errors.AlreadyCompleted("m", Empty()), 409, "idempotency_error", "request_already_completed", "false"),
    (errors.RequestTooLarge("m"), 413, "invalid_request_error", "request_too_large", "false"),
    (errors.UnsupportedMediaType("m"), 415, "invalid_request_error", "unsupported_media_type", "false"),
    (retry_errors.IdempotencyMismatch("m"), 422, "idempotency_error", "idempotency_key_mismatch", "false"),
    (errors.RateLimitExceeded("m"), 429, "requests", "rate_limit_exceeded", "true"),
    (errors.TokenRateLimitExceeded("m"), 429, "tokens", "rate_limit_exceeded", "true"),
    (errors.CapacityExhausted("m"), 429, "rate_limit_error", "capacity_exhausted", "true"),
    (errors.InternalError(), 500, "server_error", "internal_error", "true"),
    (errors.UpstreamError("m"), 502, "upstream_error", "upstream_error", "false"),
    (errors.UpstreamBrokeOff("m"), 502, "upstream_error", "upstream_error", "false"),
    (errors.UpstreamTruncated("m"), 502, "upstream_error", "upstream_truncated", "false"),
    (errors.Unavailable("m"), 503, "service_unavailable_error", "unavailable", "true"),
    (errors.Overloaded("m"), 503, "service_unavailable_error", "server_is_overloaded", "true"),
    (errors.ShuttingDown(), 503, "service_unavailable_error", "server_shutting_down", "true"),
    (errors.UpstreamTimeout("m"), 504, "timeout_error", "upstream_timeout", "false"),
    (errors.UpstreamStalled("m"), 504, "timeout_error", "upstream_timeout", "false"),
]


def every(kind: type[ApiError]) -> set[type[ApiError]]:
    return {kind}.union(*(every(child) for child in kind.__subclasses__()))


@pytest.mark.conformance(138)
@pytest.mark.parametrize(("error", "status", "kind", "code", "retry"), CATALOGUE)
def test_each_error_is_as_the_catalogue_says(error: ApiError, status: int, kind: str, code: str, retry: str) -> None:
    headers = dict(error.headers)
    assert (error.status, error.type, error.code) == (status, kind, code)
    assert headers[b"x-should-retry"] == retry.encode()
    assert error.metric == f"{status}.{code}"


def test_the_catalogue_has_every_error() -> None:
    assert {type(row[0]) for row in CATALOGUE} == every(ApiError) - {ApiError}


@pytest.mark.conformance(139)
def test_no_error_has_a_status_that_sdks_repeat_for_other_reasons() -> None:
    assert {row[1] for row in CATALOGUE} & {408, 425} == set()
    assert {row[2] for row in CATALOGUE if row[1] == 409} == {"idempotency_error"}


@pytest.mark.conformance(138)
def test_what_repeating_cannot_help_is_never_to_be_repeated() -> None:
    assert {row[1] for row in CATALOGUE if row[4] == "true"} == {409, 429, 500, 503}


@pytest.mark.conformance(4)
def test_the_envelope_has_all_four_keys() -> None:
    assert json.loads(errors.InvalidRequest("why", code="invalid_type", param="n").json()) == {
        "error": {"message": "why", "type": "invalid_request_error", "param": "n", "code": "invalid_type"}
    }
    assert json.loads(errors.Overloaded("why").json())["error"]["param"] is None


@pytest.mark.conformance(7, 23)
def test_a_401_says_how_to_authenticate_and_a_405_what_is_allowed() -> None:
    assert dict(errors.Unauthorized().headers)[b"www-authenticate"] == b'Bearer realm="pylo"'
    assert dict(errors.MethodNotAllowed("m", allow="GET, HEAD").headers)[b"allow"] == b"GET, HEAD"


@pytest.mark.conformance(131)
@pytest.mark.parametrize(
    ("asked", "told", "again"),
    [(1, b"1", b"true"), (59, b"59", b"true"), (60, b"59", b"false"), (3600, b"59", b"false")],
)
def test_a_long_wait_is_told_as_the_longest_that_sdks_heed_and_as_not_to_be_waited(
    asked: int, told: bytes, again: bytes
) -> None:
    headers = dict(errors.Overloaded("m", retry_after=asked).headers)
    assert (headers[b"retry-after"], headers[b"retry-after-ms"]) == (told, told + b"000")
    assert headers[b"x-should-retry"] == again


@pytest.mark.conformance(132)
@pytest.mark.parametrize("asked", [0, -5])
def test_retry_after_is_never_zero(asked: int) -> None:
    headers = dict(errors.Overloaded("m", retry_after=asked).headers)
    assert b"retry-after" not in headers
    assert b"retry-after-ms" not in headers


def test_a_bad_key_is_told_in_the_words_that_clients_look_for() -> None:
    assert errors.Unauthorized().message.startswith("Incorrect API key provided")


def test_a_name_that_a_client_wrote_is_repeated_bounded_and_plain() -> None:
    assert errors.echoed("gpt-4\r\n\x1b[31mü") == "gpt-4[31m"
    assert errors.echoed("x" * 1000) == "x" * 120
