from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.deltas import Delta
from gateway.dialects.think_tags import ThinkTags
from tests.gateway.dialects.dialogue import OPEN, read, reader

TEXTS = st.text(alphabet="<>/think \n€", max_size=12)


def split(text: str, cuts: list[int]) -> tuple[str, str]:
    tags = ThinkTags()
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pairs = [tags.feed(text[begin:end]) for begin, end in pairwise(edges)]
    pairs.append(tags.flush())
    return "".join(reasoning for reasoning, _ in pairs), "".join(content for _, content in pairs)


@pytest.mark.parametrize(
    ("text", "reasoning", "content"),
    [
        ("plain", "", "plain"),
        ("<think>a</think>b", "a", "b"),
        ("\n <think>a</think>\nb", "a", "\nb"),
        ("<think></think>b", "", "b"),
        ("<think>cut by the limit</th", "cut by the limit</th", ""),
        ("<thi", "", "<thi"),
        ("see <think>x</think>", "", "see <think>x</think>"),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ("<think>a < b </b></think>", "a < b </b>", ""),
        ("", "", ""),
    ],
)
def test_only_a_tag_at_the_start_is_reasoning(text: str, reasoning: str, content: str) -> None:
    assert split(text, []) == (reasoning, content)


@given(TEXTS, TEXTS, st.lists(st.integers(0, 40), max_size=6), st.booleans())
def test_the_split_does_not_depend_on_the_cuts(begin: str, rest: str, cuts: list[int], tagged: bool) -> None:  # noqa: FBT001
    text = f"<think>{begin}</think>{rest}" if tagged else begin + rest
    assert split(text, cuts) == split(text, [])


@pytest.mark.conformance(66)
@pytest.mark.parametrize("dialect", [*OPEN, "openai"])
def test_a_server_without_a_parser_is_read_as_one_with_it(dialect: str) -> None:
    of = reader(dialect)
    deltas = [read(of, {"content": text}) for text in ("<th", "ink>a", "b</think>", "c <think>")]
    assert deltas == [None, Delta(reasoning="a"), Delta(reasoning="b"), Delta(content="c <think>")]


@pytest.mark.parametrize("dialect", OPEN)
def test_after_reasoning_of_its_own_field_a_tag_is_content(dialect: str) -> None:
    of = reader(dialect)
    assert read(of, {"reasoning": "a"}) == Delta(reasoning="a")
    assert read(of, {"content": "<think>b</think>"}) == Delta(content="<think>b</think>")


@pytest.mark.conformance(107)
@pytest.mark.parametrize("dialect", OPEN)
def test_tagged_reasoning_that_nobody_wanted_is_not_shown(dialect: str) -> None:
    of = reader(dialect, reasoning_effort="none")
    assert [read(of, {"content": text}) for text in ("<think>a", "</think>b")] == [None, Delta(content="b")]


@pytest.mark.parametrize("ending", [{"finish_reason": "stop"}, {}])
def test_what_was_held_comes_with_what_follows(ending: dict[str, str]) -> None:
    of = reader("vllm")
    assert read(of, {"content": "<"}) is None
    piece = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    delta = read(of, {} if ending else {"tool_calls": [piece]}, **ending)
    assert delta is not None
    assert delta.content == "<"
