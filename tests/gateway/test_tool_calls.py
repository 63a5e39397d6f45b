from __future__ import annotations

import logging

import pytest

from gateway.deltas import ToolFragment
from gateway.tool_calls import Calls
from tests.fakes.clock import skipping
from tests.fakes.upstream import DONE, Turn, event, finish
from tests.gateway.conftest import make_world


@pytest.mark.conformance(98)
@pytest.mark.parametrize(
    ("arguments", "bad"),
    [
        (['{"a":', " 1}"], 0),
        (["{}"], 0),
        (['{"a":'], 1),
        ([""], 1),
        (["[1]"], 1),
        (['{"a": NaN}'], 1),
        (['{"a": "\udc00"}'], 1),
        (["[" * 100_000], 1),
    ],
)
def test_arguments_are_a_json_object_or_a_mistake(arguments: list[str], bad: int) -> None:
    calls = Calls()
    for piece in arguments:
        calls.saw([ToolFragment(0, arguments=piece)])
    assert calls.bad() == bad


def test_each_call_is_judged_by_itself() -> None:
    calls = Calls()
    calls.saw([ToolFragment(0, "a", "f", "{"), ToolFragment(1, "b", "f", "{}")])
    calls.saw([ToolFragment(0, arguments="}"), ToolFragment(2, "c", "f", "no")])
    assert calls.bad() == 1


def called(arguments: str) -> bytes:
    function = {"name": "f", "arguments": arguments}
    return event({"tool_calls": [{"index": 0, "id": "f:0", "type": "function", "function": function}]})


@pytest.mark.conformance(98)
@pytest.mark.parametrize(("reason", "bad"), [("tool_calls", 1), ("length", 0)])
def test_mistakes_are_counted_in_the_log_and_reach_the_client(
    reason: str, bad: int, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world(Turn([called('{"a": CANARY'), finish(reason), DONE]))
    with caplog.at_level(logging.INFO, "pylo.access"):
        answer = skipping(world.chat())
    assert answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": CANARY'
    (line,) = caplog.records
    assert (line.__dict__["bad_tool_calls"], line.__dict__["upstream"]) == (bad, "first")
    assert "CANARY" not in str(line.__dict__)
