from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sse import EventTooLong, Parser

STREAM = (
    b": keep-alive\n\n"
    b'data: {"a":1}\n\n'
    b'data:{"no":"space"}\r\n\r\n'
    b"event: error\nid: 7\nretry: 10\ndata: one\ndata: two\n\n"
    b"event: nothing\n\n"
    b"data\n\n"
    b"data: \xf0\x9f\x98\x80\n\n"
    b"data: [DONE]\n\n"
    b"data: never finished"
)
EVENTS = [
    (b"message", b'{"a":1}'),
    (b"message", b'{"no":"space"}'),
    (b"error", b"one\ntwo"),
    (b"message", b""),
    (b"message", b"\xf0\x9f\x98\x80"),
    (b"message", b"[DONE]"),
]


def read(*chunks: bytes, longest: int = 2**20) -> list[tuple[bytes, bytes]]:
    parser = Parser(longest)
    return [(event.name, event.data) for chunk in chunks for event in parser.feed(chunk)]


def test_every_spelling_of_an_event_is_read() -> None:
    assert read(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert read(*[STREAM[start:end] for start, end in itertools.pairwise(edges)]) == EVENTS


def test_single_bytes_give_the_same_events() -> None:
    assert read(*[bytes([byte]) for byte in STREAM]) == EVENTS


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_no_bytes_make_it_fail_and_no_split_changes_them(chunks: list[bytes]) -> None:
    assert read(*chunks) == read(b"".join(chunks))


@pytest.mark.parametrize("chunks", [[b"data: " + b"x" * 100], [b"x"] * 60, [b"data: " + b"x" * 20 + b"\n"] * 4])
def test_an_endless_event_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(EventTooLong):
        read(*chunks, longest=50)


def test_an_event_of_a_mebibyte_is_read() -> None:
    assert read(b"data: " + b"x" * (2**20 - 10) + b"\n\n") == [(b"message", b"x" * (2**20 - 10))]
