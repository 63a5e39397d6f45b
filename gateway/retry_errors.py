"""What the client of a retry is told. A part of the tree of `gateway.errors`."""

from __future__ import annotations

import msgspec  # noqa: TC002 - the struct's annotations are read

from gateway.errors import ErrorBody, InvalidRequest


class ChargedBody(ErrorBody, frozen=True):
    charged: msgspec.Struct


class InProgress(InvalidRequest):
    """The request that this one repeats still runs: SDKs wait and come again."""

    status = 409
    type = "idempotency_error"
    code = "idempotency_key_in_progress"
    should_retry = True


class AlreadyCompleted(InvalidRequest):
    """The request that this one repeats is charged; `charged` tells what for, beside the envelope's four keys."""

    status = 409
    type = "idempotency_error"
    code = "request_already_completed"

    def __init__(self, message: str, charged: msgspec.Struct) -> None:
        super().__init__(message)
        self._charged = charged

    @property
    def body(self) -> ErrorBody:
        return ChargedBody(self.message, self.type, self.param, self.code, self._charged)


class IdempotencyMismatch(InvalidRequest):
    status = 422
    type = "idempotency_error"
    code = "idempotency_key_mismatch"
