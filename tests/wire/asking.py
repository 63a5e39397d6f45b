"""What the wire tests ask, and how often the client tried."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

import httpx

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


DIALECTS: Final = ("moonshot", "vllm", "sglang", "together", "openai")  # that the sandbox speaks
ALOUD: Final = tuple(
    dialect for dialect in DIALECTS if dialect != "openai"
)  # OpenAI's own counts reasoning and hides it
ONE_OF_MANY = (  # what differs between two equal answers
    (re.compile(rb'"id":"chatcmpl-[0-9a-f]{32}"'), b'"id":"chatcmpl-"'),
    (re.compile(rb'"created":\d+'), b'"created":0'),
    (re.compile(rb'"cached_tokens":\d+'), b'"cached_tokens":0'),
)


def post(base: str, key: str, *, named: str = "", **asked: Any) -> httpx.Response:
    """Ask for a haiku, or for what is `asked`, and return the bytes that came."""
    headers = {"Authorization": f"Bearer {key}"} | ({"X-Request-Id": named} if named else {})
    body = {"model": MODEL, "messages": HAIKU} | asked
    return httpx.post(f"{base}/chat/completions", json=body, headers=headers, timeout=20, trust_env=False)


def alike(body: bytes) -> bytes:
    """Return an answer without what is its own, so that equal answers are equal bytes."""
    for pattern, blank in ONE_OF_MANY:
        body = pattern.sub(blank, body)
    return body


def chunks(body: bytes) -> list[Any]:
    """Return the JSON of a stream's events; comments and `[DONE]` are left out."""
    lines = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line.startswith(b"data: {")]
    return [json.loads(line) for line in lines]


def named() -> str:
    """A request id of one's own, to find the request again by."""
    return f"test-{secrets.token_hex(8)}"


def retries(error: APIStatusError) -> int:
    """Return how many tries the client made before the one that raised."""
    return int(error.response.request.headers["x-stainless-retry-count"])
