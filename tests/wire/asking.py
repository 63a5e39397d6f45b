"""What the wire tests ask, and how often the client tried."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from openai import APIStatusError

MODEL: Final = "moonshotai/kimi-k2.6"
HAIKU: Final[Any] = [{"role": "user", "content": "Write a haiku about routing tables."}]
COUNT: Final[Any] = [{"role": "user", "content": "Count to 300"}]
OPTIONS: Final[Any] = {"include_usage": True}
WEATHER: Final[Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def named() -> str:
    """A request id of one's own, to find the request again by."""
    return f"test-{secrets.token_hex(8)}"


def retries(error: APIStatusError) -> int:
    """Return how many tries the client made before the one that raised."""
    return int(error.response.request.headers["x-stainless-retry-count"])
