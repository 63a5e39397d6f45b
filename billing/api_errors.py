"""What the management API tells of an error: OpenAI's envelope, as everything under /v1 does (docs/api.md).

ApiError
├── Invalid 400 · Unauthorized 401 · UnknownUrl 404 · TooMany 429
├── NotFound 404 ── NotYet 404        the second may be there in a moment
└── Unavailable 503                   Postgres is away
"""

# ruff: noqa: N818 - an error is named for what it tells

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from ninja.errors import AuthenticationError, Throttled, ValidationError

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from ninja import NinjaAPI

SPELLING: dict[str, Any] = {"ensure_ascii": False, "separators": (",", ":")}  # as the gateway spells JSON
LONGEST_WAIT_SECONDS = 59  # SDKs ignore, or give up on, a Retry-After of a minute and more


class ApiError(Exception):
    """A refusal that reaches a client; `retry_after` is in seconds, 0 where to come again cannot help."""

    status: ClassVar[int]
    type: ClassVar[str] = "invalid_request_error"
    code: ClassVar[str]
    message: ClassVar[str]
    param: ClassVar[str | None] = None

    def __init__(self, *, retry_after: int = 0) -> None:
        super().__init__(self.message)
        self.retry_after = retry_after


class Unauthorized(ApiError):
    status = 401
    code = "invalid_api_key"
    message = "Incorrect API key provided, or none. Send 'Authorization: Bearer <key>'; keys are made in the portal."


class Invalid(ApiError):
    status = 400
    code = "invalid_value"
    message = "A value of the request cannot be read."


class UnknownUrl(ApiError):
    status = 404
    code = "unknown_url"
    message = "Unknown request URL."


class NotFound(ApiError):
    """Says the same whether nobody or somebody else has it."""

    status = 404
    code = "request_not_found"
    message = "No request of this workspace has that id."
    param = "id"


class NotYet(NotFound):
    """The id is so young that its record may be on its way."""

    message = (
        "No request of this workspace has that id, or not yet: its record is written some tenths of a second after it "
        "ended. Try again shortly."
    )


class TooMany(ApiError):
    status = 429
    type = "requests"
    code = "rate_limit_exceeded"
    message = "Too many requests of the management API in a minute. Try again when retry-after says."


class Unavailable(ApiError):
    status = 503
    type = "service_unavailable_error"
    code = "unavailable"
    message = "The service is unavailable. Please try again shortly."


def answer(error: ApiError) -> HttpResponse:
    body = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    response = JsonResponse({"error": body}, status=error.status, json_dumps_params=SPELLING)
    response["X-Should-Retry"] = "true" if error.retry_after else "false"
    if error.retry_after:
        wait = min(error.retry_after, LONGEST_WAIT_SECONDS)
        response["Retry-After"], response["Retry-After-Ms"] = str(wait), str(wait * 1000)
    return response


def told_by(api: NinjaAPI) -> None:
    """Have `api` answer its errors so. What is left is a bug: the gateway tells of it as one."""
    for kind in (ApiError, Throttled, AuthenticationError, ValidationError, Http404, OperationalError, InterfaceError):
        api.add_exception_handler(kind, _told)


def _told(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:  # noqa: ARG001 - Ninja's signature
    return answer(_ours(error))


def _ours(error: object) -> ApiError:
    match error:
        case ApiError():
            return error
        case Throttled():
            return TooMany(retry_after=max(1, int(error.wait or 0)))
        case AuthenticationError():
            return Unauthorized()
        case ValidationError():
            return Invalid()
        case Http404():
            return UnknownUrl()
        case _:
            return Unavailable(retry_after=5)
