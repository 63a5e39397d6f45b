"""What the sandbox upstream refuses; each dialect spells it in its own way (`sandbox.wires`)."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is the upstream's answer, not a fault of ours
    """The request is answered with this status and error."""

    def __init__(self, status: int, kind: str, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.param = param
        self.code = code


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request_error", message)
