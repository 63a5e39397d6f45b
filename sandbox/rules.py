"""What Moonshot refuses of a Kimi K2.6 request with a 400. Each rule looks at the parsed body and may raise."""

from __future__ import annotations

import re
from typing import Any, Final

from sandbox import flavour
from sandbox.refusals import invalid

Asked = dict[str, Any]

TOOL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9\-_]{2,63}")
MOST_STOPS: Final = 5
LONGEST_STOP: Final = 32  # bytes
FIXED: Final = (("top_p", 0.95), ("n", 1), ("presence_penalty", 0), ("frequency_penalty", 0))


def check(asked: Asked) -> None:
    """Raise the first refusal that applies."""
    for rule in (_messages, _thinking, _sampling, _limits, _stops, _tools, _tool_choice, _reasoning, _format):
        rule(asked)


def thinking_on(asked: Asked) -> bool:
    thinking = asked.get("thinking")
    return not isinstance(thinking, dict) or thinking.get("type") == "enabled"


def _messages(asked: Asked) -> None:
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("Invalid request: messages must not be empty")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in {"system", "user", "assistant", "tool"}:
            raise invalid(f"Invalid request: message at position {index} has an invalid role")
        if not message.get("content") and not (message["role"] == "assistant" and message.get("tool_calls")):
            role = message["role"]
            raise invalid(f"Invalid request: message at position {index} with role '{role}' must not be empty")


def _thinking(asked: Asked) -> None:
    thinking = asked.get("thinking")
    if thinking is None:
        return
    known = isinstance(thinking, dict) and set(thinking) <= {"type", "keep"}
    if not known or thinking.get("type") not in {"enabled", "disabled"}:
        raise invalid("invalid thinking: type must be enabled or disabled")


def _sampling(asked: Asked) -> None:
    only = 1 if thinking_on(asked) else 0.6
    if asked.get("temperature") not in (None, only):
        raise invalid(f"invalid temperature: only {only} is allowed for this model")
    for name, fixed in FIXED:
        if asked.get(name) not in (None, fixed):
            raise invalid(f"invalid {name}: only {fixed} is allowed for this model")


def _limits(asked: Asked) -> None:
    for name in ("max_completion_tokens", "max_tokens"):
        limit = asked.get(name)
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise invalid(f"invalid {name}: must be a positive integer")


def _stops(asked: Asked) -> None:
    stop = asked.get("stop") or []
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or len(stops) > MOST_STOPS:
        raise invalid(f"invalid stop: at most {MOST_STOPS} strings are allowed")
    if not all(isinstance(one, str) and 0 < len(one.encode("utf-8", "replace")) <= LONGEST_STOP for one in stops):
        raise invalid(f"invalid stop: each must be a string of at most {LONGEST_STOP} bytes")


def _tools(asked: Asked) -> None:
    for tool in asked.get("tools") or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not TOOL_NAME.fullmatch(str(function.get("name"))):
            raise invalid(
                "Invalid request: function name is invalid, must start with a letter and have 3 to 64 characters"
            )
        if not isinstance(function.get("parameters"), dict):
            raise invalid(f"Invalid request: tool {function['name']} has no parameters")
        flavour.check(function["parameters"], f"tools.function.parameters of {function['name']}")


def _tool_choice(asked: Asked) -> None:
    choice = asked.get("tool_choice") or "auto"
    if isinstance(choice, dict):
        names = {tool["function"]["name"] for tool in asked.get("tools") or ()}
        if (choice.get("function") or {}).get("name") not in names:
            raise invalid("Invalid request: tool_choice names a tool that is not in tools")
    elif choice not in {"auto", "none", "required"}:
        raise invalid("Invalid request: tool_choice must be auto, none, required or a tool")
    elif choice == "required" and not asked.get("tools"):
        raise invalid("Invalid request: tool_choice 'required' needs tools")
    if thinking_on(asked) and choice not in ("auto", "none"):
        word = "specified" if isinstance(choice, dict) else "required"
        raise invalid(f"tool_choice '{word}' is incompatible with thinking enabled")


def _reasoning(asked: Asked) -> None:
    if not thinking_on(asked):
        return
    for index, message in enumerate(asked["messages"]):
        if message.get("tool_calls") and not message.get("reasoning_content"):
            raise invalid(
                f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {index}"
            )


def _format(asked: Asked) -> None:
    form = asked.get("response_format")
    if form is None:
        return
    if not isinstance(form, dict) or form.get("type") not in {"text", "json_object", "json_schema"}:
        raise invalid("invalid response_format: type must be text, json_object or json_schema")
    if form["type"] == "json_schema":
        schema = form.get("json_schema")
        if not isinstance(schema, dict) or not schema.get("name") or not isinstance(schema.get("schema"), dict):
            raise invalid("invalid response_format: json_schema needs a name and a schema")
        flavour.check(schema["schema"], "response_format.json_schema.schema")
