"""What OpenAI's schema asks of answers and chunks; nothing beside it but `reasoning_content`, and what it costs."""

from __future__ import annotations

from typing import Any, Final

NULL: Final[dict[str, Any]] = {"type": "null"}
TEXT: Final[dict[str, Any]] = {"type": "string"}
COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
REASON: Final[dict[str, Any]] = {"enum": ["stop", "length", "tool_calls", "content_filter", "function_call"]}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, NULL]}


def _list(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": schema, **more}


HEAD: Final = {"id": {"type": "string", "pattern": "^chatcmpl-"}, "created": COUNT, "model": TEXT}
USAGE: Final = _object(
    {
        **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), COUNT),
        "prompt_tokens_details": _object({"cached_tokens": COUNT}),
        "completion_tokens_details": _object({"reasoning_tokens": COUNT}),
        "cost": {"type": "number", "minimum": 0},  # OpenRouter's field
    }
)
CALL: Final = _object(
    {"id": TEXT, "type": {"const": "function"}, "function": _object({"name": TEXT, "arguments": TEXT})}
)
MESSAGE: Final = _object(
    {"role": {"const": "assistant"}, "content": _or_null(TEXT), "refusal": _or_null(TEXT)},
    {"reasoning_content": TEXT, "tool_calls": _list(CALL, minItems=1)},
)
CHOICE: Final = _object({"index": {"const": 0}, "message": MESSAGE, "logprobs": NULL, "finish_reason": REASON})
WHOLE: Final = _object(
    {**HEAD, "object": {"const": "chat.completion"}, "choices": _list(CHOICE, minItems=1, maxItems=1), "usage": USAGE}
)
FRAGMENT: Final = _object(
    {"index": COUNT, "function": _object({"arguments": TEXT}, {"name": TEXT})},
    {"id": TEXT, "type": {"const": "function"}},
)
DELTA: Final = _object(
    {},
    {
        **dict.fromkeys(("content", "refusal", "reasoning_content"), TEXT),
        "role": {"const": "assistant"},
        "tool_calls": _list(FRAGMENT, minItems=1),
    },
)
PIECE: Final = _object({"index": {"const": 0}, "delta": DELTA, "logprobs": NULL, "finish_reason": _or_null(REASON)})
CHUNK: Final = _object(
    {**HEAD, "object": {"const": "chat.completion.chunk"}, "choices": _list(PIECE), "usage": _or_null(USAGE)}
)
