"""Judges a decoded chat request: the first value that does not hold is refused with its path as `param`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.errors import InvalidRequest
from gateway.schema import CONTEXT_TOKENS, LONGEST_STOP_BYTES, MOST_STOPS, MOST_TOOLS, ToolChoice, decode

if TYPE_CHECKING:
    from gateway.schema import Chat, Message, Tool

ROLES = ("system", "developer", "user", "assistant", "tool")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
FORMATS = ("text", "json_object", "json_schema")
CHOICES = ("none", "auto", "required")
RANGES = (
    ("temperature", 0, 2),
    ("top_p", 0, 1),
    ("frequency_penalty", -2, 2),
    ("presence_penalty", -2, 2),
)
DEEPEST = 100
TOKENS_PER_MESSAGE = 4  # the least that a chat template adds to each
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def parse(body: bytes) -> Chat:
    """Return the request in `body`; raise `InvalidRequest` at its first fault."""
    if body.count(b"{") + body.count(b"[") > CONTEXT_TOKENS:  # as text they are as many tokens, as values a stall
        raise _too_long()
    chat = decode(body)
    _required(chat)
    _supported(chat)
    for index, message in enumerate(chat.messages or []):
        _message(message, f"messages[{index}]")
    _numbers(chat)
    _stops(chat)
    _tools(chat)
    _format(chat)
    return chat


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def _invalid(param: str, why: str, code: str = "invalid_value") -> InvalidRequest:
    return InvalidRequest(f"Invalid value for '{param}': {why}", code=code, param=param)


def _unsupported(param: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"Unsupported parameter: '{param}'. {why}", code="unsupported_parameter", param=param)


def _too_long() -> InvalidRequest:
    text = f"The messages do not fit into the model's context of {CONTEXT_TOKENS} tokens."
    return InvalidRequest(text, code="context_length_exceeded", param="messages")


def _required(chat: Chat) -> None:
    if chat.model is None:
        raise _missing("model")
    if chat.messages is None:
        raise _missing("messages")
    if not chat.messages:
        raise _invalid("messages", "give at least one message.")
    if len(chat.messages) * TOKENS_PER_MESSAGE > CONTEXT_TOKENS:
        raise _too_long()


def _supported(chat: Chat) -> None:
    refused = {
        "logprobs": (chat.logprobs or chat.top_logprobs, "Log probabilities are not offered."),
        "logit_bias": (chat.logit_bias, "Token biases are not offered."),
        "modalities": (set(chat.modalities or ()) - {"text"}, "Only text is offered."),
        "audio": (chat.audio is not None, "Only text is offered."),
        "prediction": (chat.prediction is not None, "Predicted outputs are not offered."),
        "web_search_options": (chat.web_search_options is not None, "Web search is not offered."),
        "functions": (chat.functions, "Use 'tools'."),
        "function_call": (chat.function_call, "Use 'tool_choice'."),
    }
    for param, (given, why) in refused.items():
        if given:
            raise _unsupported(param, why)


def _message(message: Message, path: str) -> None:
    if message.role is None:
        raise _missing(f"{path}.role")
    if message.role not in ROLES:
        raise _invalid(f"{path}.role", f"roles are {', '.join(ROLES)}.")
    if message.content is None and not (message.role == "assistant" and (message.tool_calls or message.refusal)):
        raise _missing(f"{path}.content")
    if message.role == "tool" and not message.tool_call_id:
        raise _missing(f"{path}.tool_call_id")
    _parts(message, path)
    _calls(message, path)


def _parts(message: Message, path: str) -> None:
    for index, part in enumerate(message.content if isinstance(message.content, list) else ()):
        if part.type != "text":
            raise _invalid(f"{path}.content[{index}]", "this model takes text parts only.", "unsupported_value")
        if part.text is None:
            raise _missing(f"{path}.content[{index}].text")


def _calls(message: Message, path: str) -> None:
    for index, call in enumerate(message.tool_calls or ()):
        if not call.id:
            raise _missing(f"{path}.tool_calls[{index}].id")
        if call.function is None or not call.function.name:
            raise _missing(f"{path}.tool_calls[{index}].function.name")


def _numbers(chat: Chat) -> None:
    for param in ("max_completion_tokens", "max_tokens"):
        value: int | None = getattr(chat, param)
        if value is not None and value < 1:
            raise _invalid(param, "give 1 or more.", "integer_below_min_value")
        if value is not None and value > CONTEXT_TOKENS:
            why = f"the context of this model is {CONTEXT_TOKENS} tokens."
            raise _invalid(param, why, "integer_above_max_value")
    for param, least, most in RANGES:
        number: float | None = getattr(chat, param)
        if number is not None and not least <= number <= most:
            side = "decimal_below_min_value" if number < least else "decimal_above_max_value"
            raise _invalid(param, f"give a number from {least} to {most}.", side)
    if chat.n is not None and chat.n != 1:
        raise _invalid("n", "one choice a request is offered.", "unsupported_value")
    if chat.reasoning_effort is not None and chat.reasoning_effort not in EFFORTS:
        raise _invalid("reasoning_effort", f"give one of {', '.join(EFFORTS)}.")


def _stops(chat: Chat) -> None:
    if len(chat.stops) > MOST_STOPS:
        raise _invalid("stop", f"give at most {MOST_STOPS} sequences.")
    if any(not stop or len(stop.encode()) > LONGEST_STOP_BYTES for stop in chat.stops):
        raise _invalid("stop", f"a sequence has from 1 to {LONGEST_STOP_BYTES} bytes.")


def _tools(chat: Chat) -> None:
    tools = chat.tools or []
    if len(tools) > MOST_TOOLS:
        raise _invalid("tools", f"give at most {MOST_TOOLS}.")
    for index, tool in enumerate(tools):
        _tool(tool, f"tools[{index}]")
    choice = chat.tool_choice
    if isinstance(choice, ToolChoice):
        names = {tool.function.name for tool in tools if tool.function is not None}
        if choice.type != "function" or choice.function is None or choice.function.name not in names:
            raise _invalid("tool_choice", "name a function of 'tools'.")
    elif choice is not None and choice not in CHOICES:
        raise _invalid("tool_choice", f"give one of {', '.join(CHOICES)}, or name a function.")
    elif choice == "required" and not tools:
        raise _invalid("tool_choice", "'required' needs 'tools'.")


def _tool(tool: Tool, path: str) -> None:
    if tool.type != "function":
        raise _unsupported(f"{path}.type", "Only function tools are offered.")
    if tool.function is None:
        raise _missing(f"{path}.function")
    if NAME.fullmatch(tool.function.name) is None:
        raise _invalid(f"{path}.function.name", "a name has 1 to 64 letters, digits, _ or -.")
    _shallow(tool.function.parameters, f"{path}.function.parameters")


def _format(chat: Chat) -> None:
    form = chat.response_format
    if form is None:
        return
    if form.type not in FORMATS:
        raise _invalid("response_format.type", f"give one of {', '.join(FORMATS)}.")
    if form.type != "json_schema":
        return
    if form.json_schema is None:
        raise _missing("response_format.json_schema")
    if NAME.fullmatch(form.json_schema.name) is None:
        raise _invalid("response_format.json_schema.name", "a name has 1 to 64 letters, digits, _ or -.")
    if form.json_schema.schema is None:
        raise _missing("response_format.json_schema.schema")
    _shallow(form.json_schema.schema, "response_format.json_schema.schema")


def _shallow(value: object, path: str) -> None:
    """Refuse free-form JSON so deep that to write it again could exhaust the stack."""
    level = [value]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise _invalid(path, f"it is nested more than {DEEPEST} levels deep.")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
