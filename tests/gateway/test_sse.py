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
    b"data: carriage\rdata: returns\r\r"
    b"data: [DONE]\r\n\r\n"
    b"data: never finished"
)
EVENTS = [
    (b"message", b'{"a":1}'),
    (b"message", b'{"no":"space"}'),
    (b"error", b"one\ntwo"),
    (b"message", b""),
    (b"message", b"\xf0\x9f\x98\x80"),
    (b"message", b"carriage\nreturns"),
    (b"message", b"[DONE]"),
]


def read(*chunks: bytes, longest: int = 2**20) -> list[tuple[bytes, bytes]]:
    parser = Parser(longest)
    return [(event.name, event.data) for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.conformance(87)
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


@pytest.mark.conformance(87, 156)
@pytest.mark.parametrize("size", [2**21, 4096, 7])
def test_an_event_of_a_mebibyte_is_read_whatever_it_comes_in(size: int) -> None:
    stream = b"data: " + b"x" * (2**20 - 10) + b"\n\n"
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert read(*chunks) == [(b"message", b"x" * (2**20 - 10))]


@pytest.mark.parametrize(
    ("stream", "event"),
    [
        (b"data: a\n", (b"message", b"a")),
        (b"data: a", (b"message", b"a")),
        (b"event: error\ndata: a\ndata: b", (b"error", b"a\nb")),
        (b"data: a\n\n", None),
        (b"data: a\r\n\r", None),
        (b": comment", None),
        (b"", None),
    ],
)
def test_the_end_completes_an_event_that_lacks_its_blank_line(stream: bytes, event: tuple[bytes, bytes] | None) -> None:
    parser = Parser()
    parser.feed(stream)
    last = parser.end()
    assert (last and (last.name, last.data)) == event
    assert parser.end() is None


def test_an_event_shows_none_of_its_words() -> None:
    (event,) = Parser().feed(b"data: CANARY\n\n")
    assert "CANARY" not in repr(event)
