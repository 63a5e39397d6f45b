from __future__ import annotations

from typing import Any

import pytest

from gateway.schema import NamedFunction, ToolChoice
from tests.gateway.requests import accepted, nested, refused, tool

TOOLS = [tool("f"), tool("g"), tool("h")]
NAMED = {"type": "function", "function": {"name": "f"}}


def among(mode: str | None, *names: str) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def names(**values: Any) -> list[str]:
    return [tool.function.name for tool in accepted(**values).tools or () if tool.function is not None]


@pytest.mark.conformance(99)
@pytest.mark.parametrize("choice", ["none", "auto", None])
@pytest.mark.parametrize("tools", [{}, {"tools": None}, {"tools": []}])
def test_no_tool_needs_to_be_there_for_a_choice_of_none_or_auto(choice: str | None, tools: dict[str, Any]) -> None:
    assert accepted(tool_choice=choice, **tools).tool_choice == choice


@pytest.mark.conformance(99)
@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tool_choice": "maybe", "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": "", "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": NAMED}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}, "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": {"type": "function"}, "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "f"}}, "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": {}, "tools": TOOLS}, "tool_choice"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(values: dict[str, Any], param: str) -> None:
    assert refused(**values) == ("invalid_value", param)


@pytest.mark.conformance(99)
def test_a_named_function_and_a_word_pass_as_they_are() -> None:
    assert accepted(tools=TOOLS, tool_choice=NAMED).tool_choice == ToolChoice("function", NamedFunction("f"))
    assert accepted(tools=TOOLS, tool_choice="required").tool_choice == "required"


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_choice_among_some_tools_is_a_choice_among_fewer(mode: str) -> None:
    values = {"tools": TOOLS, "tool_choice": among(mode, "h", "f")}
    assert (names(**values), accepted(**values).tool_choice) == (["f", "h"], mode)


@pytest.mark.parametrize(
    ("choice", "code", "param"),
    [
        ({"type": "allowed_tools"}, "missing_required_parameter", "tool_choice.allowed_tools"),
        (among("none", "f"), "invalid_value", "tool_choice.allowed_tools.mode"),
        (among(None, "f"), "invalid_value", "tool_choice.allowed_tools.mode"),
        (among("auto"), "invalid_value", "tool_choice.allowed_tools.tools"),
        (among("auto", "f", "x"), "invalid_value", "tool_choice.allowed_tools.tools"),
    ],
)
def test_a_choice_among_tools_that_are_not_there_is_refused(choice: dict[str, Any], code: str, param: str) -> None:
    assert refused(tools=TOOLS, tool_choice=choice) == (code, param)


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "function"}, "missing_required_parameter", "function"),
        ({"type": "function", "function": {}}, "missing_required_parameter", "function.name"),
        (tool("a b"), "invalid_value", "function.name"),
        (tool("x" * 65), "invalid_value", "function.name"),
        (tool("f"), "invalid_value", "function.name"),
        (tool("g", parameters=nested(101)), "invalid_value", "function.parameters"),
        (tool("g", parameters=[]), "invalid_type", "function.parameters"),
        (tool("g", strict="yes"), "invalid_type", "function.strict"),
    ],
)
@pytest.mark.conformance(105)
def test_a_tool_that_cannot_be_called_is_refused(wrong: dict[str, Any], code: str, param: str) -> None:
    assert refused(tools=[tool("f"), wrong]) == (code, f"tools[1].{param}")


@pytest.mark.conformance(58)
@pytest.mark.parametrize("kind", ["custom", "builtin_function", "web_search_preview", "mcp"])
def test_tools_that_are_no_functions_are_not_offered(kind: str) -> None:
    assert refused(tools=[{"type": kind}]) == ("unsupported_parameter", "tools[0].type")


@pytest.mark.conformance(48, 49, 106)
def test_a_tool_keeps_what_it_says_and_nothing_else() -> None:
    tools = accepted(tools=[{**tool("f", description=None, strict=None, x=1), "cache_control": {}}]).tools
    assert tools is not None
    (given,) = tools
    assert given.function is not None
    assert (given.function.name, given.function.parameters, given.function.strict) == ("f", None, None)


def test_128_tools_are_taken_and_no_more() -> None:
    assert len(names(tools=[tool(f"f{index}") for index in range(128)])) == 128
    assert refused(tools=[tool(f"f{index}") for index in range(129)]) == ("invalid_value", "tools")


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": {"name": "f"}}, "function_call"),
        ({"function_call": "always"}, "function_call"),
    ],
)
def test_what_came_before_tools_is_refused(values: dict[str, Any], param: str) -> None:
    assert refused(**values) == ("unsupported_parameter", param)


def test_what_asks_for_no_function_is_ignored() -> None:
    assert accepted(functions=[], function_call="auto").tools is None
    assert accepted(function_call="none").tools is None
