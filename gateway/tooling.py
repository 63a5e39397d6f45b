"""Judges the tools of a chat request and the choice among them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from gateway.nesting import deeper_than
from gateway.refusals import invalid, missing, unsupported
from gateway.schema import DEEPEST, MOST_TOOLS, ToolChoice

if TYPE_CHECKING:
    from gateway.schema import Chat, Tool

CHOICES = ("none", "auto", "required")
MODES = ("auto", "required")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
NAME_RULE = "a name has 1 to 64 letters, digits, _ or -."
FUNCTIONS_ONLY = "Only function tools are offered."


def judged(chat: Chat) -> Chat:
    """Return the request, its choice a word or a named function; raise `InvalidRequest` at the first fault."""
    _legacy(chat)
    tools = chat.tools or []
    if len(tools) > MOST_TOOLS:
        raise invalid("tools", f"give at most {MOST_TOOLS}.")
    names: set[str] = set()
    for index, tool in enumerate(tools):
        name = _tool(tool, f"tools[{index}]")
        if name in names:
            raise invalid(f"tools[{index}].function.name", "another tool has this name.")
        names.add(name)
    choice = chat.tool_choice
    if not isinstance(choice, ToolChoice):
        _word(choice, names)
        return chat
    if choice.type == "allowed_tools":
        return _allowed(chat, choice, names)
    if choice.type != "function":
        raise invalid("tool_choice", "name a function of 'tools'.")
    if _name(choice) not in names:
        raise invalid("tool_choice", "'tools' has no function of this name.")
    return chat


def _legacy(chat: Chat) -> None:
    """Refuse what came before tools: a client that asks so could not read the calls that are answered now."""
    if chat.functions:
        raise unsupported("functions", "Use 'tools'.")
    if chat.function_call not in (None, "none", "auto"):
        raise unsupported("function_call", "Use 'tool_choice'.")


def _word(choice: str | None, names: set[str]) -> None:
    if choice is None:
        return
    if choice not in CHOICES:
        raise invalid("tool_choice", f"give one of {', '.join(CHOICES)}, or name a function.")
    if choice == "required" and not names:
        raise invalid("tool_choice", "'required' needs 'tools'.")


def _allowed(chat: Chat, choice: ToolChoice, names: set[str]) -> Chat:
    """Put a choice among some of the tools as a choice among fewer tools, which every upstream understands."""
    given = choice.allowed_tools
    if given is None:
        raise missing("tool_choice.allowed_tools")
    if given.mode not in MODES:
        raise invalid("tool_choice.allowed_tools.mode", f"give one of {', '.join(MODES)}.")
    allowed = {_name(one) for one in given.tools or ()}
    if not allowed or not allowed <= names:
        raise invalid("tool_choice.allowed_tools.tools", "name at least one function, and only those of 'tools'.")
    tools = [tool for tool in chat.tools or () if tool.function is not None and tool.function.name in allowed]
    return msgspec.structs.replace(chat, tools=tools, tool_choice=given.mode)


def _name(choice: ToolChoice) -> str | None:
    return choice.function.name if choice.type == "function" and choice.function is not None else None


def _tool(tool: Tool, path: str) -> str:
    if not tool.type:
        raise missing(f"{path}.type")
    if tool.type != "function":
        raise unsupported(f"{path}.type", FUNCTIONS_ONLY)
    if tool.function is None:
        raise missing(f"{path}.function")
    if not tool.function.name:
        raise missing(f"{path}.function.name")
    if NAME.fullmatch(tool.function.name) is None:
        raise invalid(f"{path}.function.name", NAME_RULE)
    if deeper_than(DEEPEST, tool.function.parameters):
        raise invalid(f"{path}.function.parameters", f"it is nested more than {DEEPEST} levels deep.")
    return tool.function.name
