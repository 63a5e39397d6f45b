from __future__ import annotations

from typing import Any

import pytest

from sandbox.faults import BadFault, parse
from sandbox.quirks import Quirks


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def bent(name: str, *chunks: dict[str, Any]) -> list[dict[str, Any]]:
    quirks = Quirks((name,))
    return [one for given in chunks for one in quirks.bent(given)]


def call(**fragment: Any) -> dict[str, Any]:
    return chunk(tool_calls=[{"index": 0, **fragment}])


OPENS = call(id="a", type="function", function={"name": "get_time", "arguments": ""})
GOES_ON = call(function={"arguments": "{}"})


@pytest.mark.parametrize(
    ("name", "fragments"),
    [
        ("no_index", [{"id": "a"}, {}]),
        ("no_type", [{"index": 0, "id": "a"}, {"index": 0}]),
        ("no_ids", [{"index": 0}, {"index": 0}]),
        ("same_ids", [{"index": 0, "id": "call_0"}, {"index": 0}]),
        ("repeat_id", [{"index": 0, "id": "a"}, {"index": 0, "id": "a"}]),
        ("nulls", [{"index": 0, "id": "a"}, {"index": 0, "id": None}]),
    ],
)
def test_fragments_of_calls_are_bent(name: str, fragments: list[dict[str, Any]]) -> None:
    got = [one["choices"][0]["delta"]["tool_calls"][0] for one in bent(name, OPENS, GOES_ON)]
    assert [{key: piece[key] for key in ("index", "id") if key in piece} for piece in got] == fragments


def test_names_come_again_or_in_pieces() -> None:
    again = bent("repeat_name", OPENS, GOES_ON)
    pieces = bent("name_in_pieces", OPENS, GOES_ON)
    names = [
        [one["choices"][0]["delta"]["tool_calls"][0]["function"].get("name") for one in chunks]
        for chunks in (again, pieces)
    ]
    assert names == [["get_time", "get_time"], ["get_", "time", None]]


def test_reasoning_is_written_as_tagged_content() -> None:
    got = bent("think_tags", chunk(reasoning="a"), chunk(reasoning="b"), chunk(content="c"), chunk("stop"))
    assert [one["choices"][0]["delta"].get("content") for one in got] == ["<think>a", "b", "</think>c", None]


def test_usage_moves_into_the_choice_and_something_follows_it() -> None:
    told = {"choices": [], "usage": {"prompt_tokens": 1}}
    assert bent("usage_in_choice", told)[0]["choices"][0]["usage"] == {"prompt_tokens": 1}
    assert bent("chunk_after_usage", told) == [told, {"choices": [], "usage": None}]


def test_a_good_chunk_is_not_changed_itself() -> None:
    before = {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {}}]}, "finish_reason": None}]}
    given = {"choices": [dict(before["choices"][0])]}
    bent("no_index", given)
    assert given == before


def test_an_unknown_quirk_is_refused() -> None:
    with pytest.raises(BadFault, match="unknown quirk"):
        parse({"kind": "odd", "quirks": ["handsome"]})
    assert parse({"kind": "odd", "quirks": ["no_index"]}).quirks == ("no_index",)
