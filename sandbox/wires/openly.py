"""What hosts of the open weights refuse with a 400: less than Moonshot, and they ignore what they do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.refusals import invalid

if TYPE_CHECKING:
    from sandbox.wires.wire import Json

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
RANGES: Final = (("temperature", 0, 2), ("top_p", 0, 1), ("frequency_penalty", -2, 2), ("presence_penalty", -2, 2))


def check(asked: Json) -> None:
    """Raise the first refusal that applies."""
    for rule in (_messages, _numbers, _tools, _tool_choice):
        rule(asked)


def template_thinks(asked: Json) -> bool:
    return (asked.get("chat_template_kwargs") or {}).get("thinking") is not False


def _messages(asked: Json) -> None:
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages must be a list that is not empty")
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise invalid("a message has no known role")
        if message["role"] == "tool" and not message.get("tool_call_id"):
            raise invalid("a tool's message has no tool_call_id")


def _numbers(asked: Json) -> None:
    for name in ("max_completion_tokens", "max_tokens"):
        limit = asked.get(name)
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise invalid(f"{name} must be at least 1")
    for name, least, most in RANGES:
        value: Any = asked.get(name)
        if value is not None and not least <= value <= most:
            raise invalid(f"{name} must be from {least} to {most}")


def _tools(asked: Json) -> None:
    for tool in asked.get("tools") or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not function.get("name"):
            raise invalid("a tool has no function with a name")


def _tool_choice(asked: Json) -> None:
    choice = asked.get("tool_choice") or "auto"
    names = {tool["function"]["name"] for tool in asked.get("tools") or ()}
    if isinstance(choice, dict):
        if (choice.get("function") or {}).get("name") not in names:
            raise invalid("tool_choice names a tool that is not in tools")
    elif choice not in {"auto", "none", "required"} or (choice == "required" and not names):
        raise invalid("tool_choice must be auto, none or a tool of tools")
