"""How a request is refused: each builds the error for one kind of fault, with the path of the value as `param`. Pure.

A refusal names the parameter and what it takes; it never quotes the value, which could be a prompt.
"""

from __future__ import annotations

from gateway.errors import InvalidRequest
from gateway.schema import CONTEXT_TOKENS


def missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def invalid(param: str, why: str, code: str = "invalid_value") -> InvalidRequest:
    return InvalidRequest(f"Invalid value for '{param}': {why}", code=code, param=param)


def unsupported(param: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"Unsupported parameter: '{param}'. {why}", code="unsupported_parameter", param=param)


def too_long(messages: int, completion: int = 0) -> InvalidRequest:
    """Refuse what cannot fit the context; both numbers are in tokens, the first a lower bound."""
    text = (
        f"This model's maximum context length is {CONTEXT_TOKENS} tokens, and the request needs at least "
        f"{messages + completion} ({messages} in the messages, {completion} in the completion). "
        "Shorten the messages or lower the limit of the completion."
    )
    return InvalidRequest(text, code="context_length_exceeded", param="messages")
