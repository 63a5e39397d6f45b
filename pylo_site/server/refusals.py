"""What the server answers by itself: in OpenAI's envelope where a client of the API reads it, else in plain words."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from gateway.cors import ANY_ORIGIN
from gateway.errors import Envelope, ErrorBody
from gateway.routes import is_gateways

if TYPE_CHECKING:
    from gateway.errors import Headers
    from gateway.uids import RequestIds


class Refusal(Exception):  # noqa: N818 - it refuses
    """A request that no application sees, or one that its application did not answer. No word is the client's."""

    def __init__(self, status: HTTPStatus, code: str, message: str, *, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after  # seconds; 0 for a request that is no better the next time

    @property
    def type(self) -> str:
        """OpenAI's type of the error."""
        if self.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return "invalid_request_error"
        return "service_unavailable_error" if self.status == HTTPStatus.SERVICE_UNAVAILABLE else "server_error"


def bad_request(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "bad_request", message)


def too_large(limit: int) -> Refusal:
    message = f"The request body is larger than {limit} bytes."
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request_too_large", message)


def headers_too_large(message: str) -> Refusal:
    return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message)


def too_slow() -> Refusal:
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The request did not arrive in time.")


def crashed() -> Refusal:
    message = "The server had an error while processing your request. Sorry about that."
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", message, retry_after=1)


def ending() -> Refusal:
    message = "This server is shutting down. Please try again."
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "server_is_overloaded", message, retry_after=1)


def is_api(target: bytes | None) -> bool:
    """Say whether a client of the API reads the answer; where no path is known, one might."""
    if target is None or not target.startswith(b"/"):
        return True
    return is_gateways(unquote(target.partition(b"?")[0].decode("latin-1")))


def answer(refusal: Refusal, target: bytes | None, ids: RequestIds, stamp: bytes, *, bodiless: bool = False) -> bytes:
    """Return the whole response, which is the connection's last; `stamp` are the headers of every answer."""
    shared: Headers = []
    if is_api(target):
        kind, shared = b"application/json", ANY_ORIGIN
        body = msgspec.json.encode(Envelope(ErrorBody(refusal.message, refusal.type, None, refusal.code)))
    else:
        kind = b"text/plain; charset=utf-8"
        body = f"{refusal.message}\n".encode()
    lines = [
        b"HTTP/1.1 %d %b" % (refusal.status, refusal.status.phrase.encode()),
        b"content-type: " + kind,
        b"content-length: %d" % len(body),
        b"x-request-id: " + ids.request_id.encode(),
        b"x-pylo-request-id: " + ids.own_id.encode(),
        b"x-should-retry: " + (b"true" if refusal.retry_after else b"false"),
        b"connection: close",
        *(b"%b: %b" % header for header in shared),
    ]
    if refusal.retry_after:
        lines.append(b"retry-after: %d" % refusal.retry_after)
    return b"\r\n".join([*lines, stamp + b"\r\n"]) + (b"" if bodiless else body)
