from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.requests import ANSWERED, CALL, CALLED, HI, accepted, refused


def contents(*messages: dict[str, Any]) -> list[Any]:
    return [message.content for message in accepted(messages=list(messages)).messages or ()]


def texts(message: dict[str, Any]) -> list[str | None]:
    (content,) = contents(message)
    return [part.text for part in content]


@pytest.mark.conformance(44)
@pytest.mark.parametrize("role", ["developer", "system", "user", "assistant"])
def test_every_role_of_the_api_is_known(role: str) -> None:
    assert contents({"role": role, "content": "x"}) == ["x"]


@pytest.mark.conformance(44)
@pytest.mark.parametrize("role", ["robot", "", "User", "function"])
def test_another_role_is_refused_by_its_path(role: str) -> None:
    assert refused(messages=[HI, {"role": role, "content": "x"}]) == ("invalid_value", "messages[1].role")


@pytest.mark.conformance(44)
@pytest.mark.parametrize("message", [{"content": "x"}, {"role": None, "content": "x"}])
def test_a_message_has_a_role(message: dict[str, Any]) -> None:
    assert refused(messages=[message]) == ("missing_required_parameter", "messages[0].role")


@pytest.mark.parametrize("role", ["user", "system", "developer"])
@pytest.mark.parametrize("content", [{}, {"content": None}])
def test_who_asks_says_something(role: str, content: dict[str, Any]) -> None:
    assert refused(messages=[{"role": role, **content}]) == ("missing_required_parameter", "messages[0].content")
    assert refused(messages=[{"role": role, "content": []}]) == ("invalid_value", "messages[0].content")


@pytest.mark.conformance(45)
@pytest.mark.parametrize("role", ["developer", "system", "user", "assistant"])
def test_text_may_come_in_parts(role: str) -> None:
    parts = [{"type": "text", "text": "né"}, {"type": "text", "text": "x"}]
    assert texts({"role": role, "content": parts}) == ["né", "x"]


@pytest.mark.conformance(45)
def test_a_tools_answer_may_come_in_parts_and_may_be_empty() -> None:
    part = {"type": "text", "text": "fine"}
    assert contents(HI, CALLED, {**ANSWERED, "content": [part]})[2][0].text == "fine"
    assert contents(HI, CALLED, {**ANSWERED, "content": []})[2] == ""
    assert contents(HI, CALLED, {**ANSWERED, "content": ""})[2] == ""


@pytest.mark.conformance(46)
@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file", "refusal", "thinking", ""])
def test_a_part_that_is_no_text_is_refused_by_its_path(kind: str) -> None:
    parts = [{"type": "text", "text": "look"}, {"type": kind, kind or "x": {}}]
    if kind == "refusal":
        parts[1] = {"type": "refusal", "refusal": "no"}
    assert refused(messages=[{"role": "user", "content": parts}]) == ("unsupported_value", "messages[0].content[1]")


@pytest.mark.parametrize(("role", "kind"), [("user", "text"), ("assistant", "refusal")])
def test_a_part_has_what_its_type_says(role: str, kind: str) -> None:
    found = refused(messages=[{"role": role, "content": [{"type": kind}]}])
    assert found == ("missing_required_parameter", f"messages[0].content[0].{kind}")


@pytest.mark.conformance(47)
@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": []}])
def test_a_turn_with_calls_needs_no_content(content: dict[str, Any]) -> None:
    assert contents(HI, {"role": "assistant", "tool_calls": [CALL], **content}, ANSWERED)[1] is None


@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": []}, {"content": ""}])
def test_an_assistants_turn_without_anything_is_empty_text(content: dict[str, Any]) -> None:
    assert contents(HI, {"role": "assistant", "reasoning_content": "hm", **content}, HI)[1] == ""


def test_a_refusal_is_what_the_assistant_said() -> None:
    assert contents({"role": "assistant", "content": None, "refusal": "no"}) == ["no"]
    parts = [{"type": "text", "text": "I must say"}, {"type": "refusal", "refusal": "no"}]
    assert texts({"role": "assistant", "content": parts}) == ["I must say", "no"]


@pytest.mark.conformance(48)
def test_keys_that_are_no_ones_business_are_ignored_in_every_part_of_a_message() -> None:
    part = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    call = {**CALL, "index": 0, "extra": {}, "function": {"name": "f", "arguments": "{}", "parsed": {"a": 1}}}
    fields: dict[str, Any] = {
        "provider_specific_fields": {"x": [1]},
        "audio": None,
        "function_call": None,
        "annotations": [],
    }
    history = [{"role": "user", "content": [part], "weight": 1}, {**CALLED, "tool_calls": [call], **fields}]
    assert len(accepted(messages=[*history, {**ANSWERED, "is_error": False}]).messages or ()) == 3


@pytest.mark.conformance(104)
@pytest.mark.parametrize(
    ("messages", "code", "param"),
    [
        ([HI, ANSWERED], "invalid_value", "messages[1].tool_call_id"),
        ([HI, CALLED, {**ANSWERED, "tool_call_id": "call_2"}], "invalid_value", "messages[2].tool_call_id"),
        ([HI, CALLED, ANSWERED, ANSWERED], "invalid_value", "messages[3].tool_call_id"),
        ([HI, CALLED, ANSWERED, HI, ANSWERED], "invalid_value", "messages[4].tool_call_id"),
        ([HI, CALLED, {"role": "tool", "content": "x"}], "missing_required_parameter", "messages[2].tool_call_id"),
        ([HI, CALLED, {**ANSWERED, "content": None}], "missing_required_parameter", "messages[2].content"),
        ([HI, CALLED, HI, ANSWERED], "invalid_value", "messages[1].tool_calls[0]"),
        ([HI, CALLED, CALLED, ANSWERED], "invalid_value", "messages[1].tool_calls[0]"),
        ([HI, CALLED], "invalid_value", "messages[1].tool_calls[0]"),
        (
            [HI, {**CALLED, "tool_calls": [CALL, {**CALL, "id": "call_2"}]}, ANSWERED, HI],
            "invalid_value",
            "messages[1].tool_calls[1]",
        ),
    ],
)
def test_calls_and_answers_that_do_not_match_are_refused(messages: list[dict[str, Any]], code: str, param: str) -> None:
    assert refused(messages=messages) == (code, param)


def test_answers_may_come_in_any_order_and_ids_again_in_a_later_turn() -> None:
    two = {**CALLED, "tool_calls": [CALL, {**CALL, "id": "call_2"}]}
    answers = [{**ANSWERED, "tool_call_id": "call_2"}, ANSWERED]
    assert len(accepted(messages=[HI, two, *answers, HI, two, *reversed(answers)]).messages or ()) == 8


@pytest.mark.parametrize(
    ("calls", "code", "param"),
    [
        ([{**CALL, "id": None}], "missing_required_parameter", "[0].id"),
        ([{**CALL, "id": ""}], "missing_required_parameter", "[0].id"),
        ([CALL, CALL], "invalid_value", "[1].id"),
        ([{**CALL, "type": "custom"}], "unsupported_parameter", "[0].type"),
        ([{"id": "a"}], "missing_required_parameter", "[0].function.name"),
        ([{"id": "a", "function": {"arguments": "{}"}}], "missing_required_parameter", "[0].function.name"),
        ([{**CALL, "function": {"name": "f", "arguments": {}}}], "invalid_type", "[0].function.arguments"),
    ],
)
def test_a_call_that_is_not_whole_is_refused(calls: list[dict[str, Any]], code: str, param: str) -> None:
    found = refused(messages=[HI, {**CALLED, "tool_calls": calls}, ANSWERED])
    assert found == (code, f"messages[1].tool_calls{param}")


def test_only_an_assistant_calls() -> None:
    assert refused(messages=[{**HI, "tool_calls": [CALL]}, ANSWERED]) == ("invalid_value", "messages[0].tool_calls")
    assert accepted(messages=[{**HI, "tool_calls": []}]).model == "m"


def test_a_call_without_its_type_is_a_functions() -> None:
    assert (
        len(accepted(messages=[HI, {**CALLED, "tool_calls": [{**CALL, "type": None}]}, ANSWERED]).messages or ()) == 3
    )
