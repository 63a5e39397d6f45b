"""Moonshot's errors: `{"error": {"type", "message"}}`, with neither code nor param."""

from __future__ import annotations

import json


class Refusal(Exception):  # noqa: N818 - it is the upstream's answer, not a fault of ours
    """The request is answered with this status and error."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message

    def body(self) -> bytes:
        return json.dumps({"error": {"type": self.kind, "message": self.message}}).encode()


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request_error", message)
