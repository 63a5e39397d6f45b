from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.http1 import ResponseReader, request_head

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
LENGTH = (b"Content-Length", b"5")
CLOSING = (b"Connection", b"close")
SAID = {
    "chunked": (CHUNKED + b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: u\r\n\r\n", [(b"Transfer-Encoding", b"chunked")], True),
    "length": (OK + b"A: b \r\na:\r\nContent-Length: 5\r\n\r\nhello", [(b"A", b"b"), (b"a", b""), LENGTH], True),
    "interim": (INTERIM + OK + b"Content-Length: 5\r\n\r\nhello", [LENGTH], True),
    "to the end": (INTERIM + OK + b"A: b\r\n\r\nhello", [(b"A", b"b")], False),
    "closing": (
        OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello",
        [(b"Connection", b"close"), LENGTH],
        False,
    ),
    "old": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", [LENGTH], False),
}


def read(*pieces: bytes, end: bool = False, bodiless: bool = False) -> ResponseReader:
    reader = ResponseReader(bodiless=bodiless)
    for piece in pieces:
        reader.feed(piece)
    if end:
        reader.end()
    return reader


def cut(data: bytes, at: set[int]) -> list[bytes]:
    places = [0, *sorted(place for place in at if 0 < place < len(data)), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
@given(at=st.sets(st.integers(1, 200)))
def test_wherever_its_bytes_are_cut_a_response_is_the_same(
    said: tuple[bytes, list[tuple[bytes, bytes]], bool], at: set[int]
) -> None:
    data, headers, reusable = said
    reader = read(*cut(data, at), end=True)
    assert (reader.status, reader.headers, reader.take()) == (200, headers, b"hello")
    assert (reader.complete, reader.broken, reader.reusable) == (True, False, reusable)


@given(st.lists(st.binary()), st.booleans())
def test_no_bytes_are_an_exception(pieces: list[bytes], end: bool) -> None:  # noqa: FBT001 - Hypothesis hands it over
    reader = read(*pieces, end=end)
    assert not reader.reusable
    assert not reader.complete


@given(st.sets(st.integers(1, 200)))
def test_what_came_before_bytes_that_are_no_chunk_is_there(at: set[int]) -> None:
    reader = read(*cut(CHUNKED + b"5\r\nhello\r\nzz\r\n", at))
    assert (reader.status, reader.take(), reader.broken, reader.complete) == (200, b"hello", True, False)


@given(st.sets(st.integers(1, 200)), st.sampled_from([b"x", b"HTTP/1.1 200 OK\r\n\r\n", b"\0"]))
def test_what_follows_a_response_is_not_read_and_spoils_the_connection(at: set[int], more: bytes) -> None:
    reader = read(*cut(OK + b"Content-Length: 5\r\n\r\nhello" + more, at))
    assert (reader.status, reader.take()) == (200, b"hello")
    assert (reader.complete, reader.broken, reader.reusable) == (True, False, False)


HTTP_OF_NO_USE = {
    "a header without an end": OK + b"X: " + b"x" * 20_000,
    "a long header": OK + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
    "many headers": OK + b"X: x\r\n" * 129 + b"\r\n",
    "a long reason": b"HTTP/1.1 200 " + b"x" * 20_000,
    "interim without an end": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "an upgrade to nothing": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "another version": b"HTTP/2 200\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n",
    "a length below nothing": OK + b"Content-Length: -2\r\n\r\n",
    "a space before the colon": OK + b"A : b\r\n\r\n",
}


@pytest.mark.parametrize("data", HTTP_OF_NO_USE.values(), ids=HTTP_OF_NO_USE)
@pytest.mark.parametrize("size", [10_000_000, 1_000])
def test_a_head_that_is_no_http_or_out_of_bounds_is_broken(data: bytes, size: int) -> None:
    reader = read(*(data[start : start + size] for start in range(0, len(data), size)))
    assert (reader.status, reader.broken, reader.complete, reader.reusable) == (0, True, False, False)


@pytest.mark.parametrize("endless", [b"0\r\nT: ", b"5;", b"0\r\n"], ids=["trailer", "extension", "trailers"])
@pytest.mark.parametrize("size", [40_000, 1_000])
def test_what_frames_a_body_is_bounded(endless: bytes, size: int) -> None:
    more = b"T: u\r\n" * 20_000 if endless == b"0\r\n" else b"x" * 100_000
    data = CHUNKED + b"5\r\nhello\r\n" + endless + more
    reader = read(*(data[start : start + size] for start in range(0, len(data), size)))
    assert (reader.take(), reader.broken, reader.complete) == (b"hello", True, False)


@pytest.mark.parametrize("data", [b"", OK, CHUNKED, CHUNKED + b"5\r\nhel", OK + b"Content-Length: 9\r\n\r\nhello"])
def test_an_end_before_the_end_is_no_end(data: bytes) -> None:
    assert not read(data, end=True).complete


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_ends_with_its_head(status: int) -> None:
    reader = read(b"HTTP/1.1 %d X\r\nETag: x\r\n\r\n" % status)
    assert (reader.status, reader.complete, reader.reusable, reader.unread) == (status, True, True, 0)


def test_the_answer_to_a_head_has_no_body_whatever_it_says() -> None:
    reader = read(OK + b"Content-Length: 5\r\n\r\nhello", bodiless=True)
    assert (reader.complete, reader.reusable, reader.unread) == (True, False, 0)


def test_a_body_is_taken_in_one_piece_since_the_last_time() -> None:
    reader = read(CHUNKED, b"1\r\na\r\n", b"2\r\nbc\r\n")
    assert (reader.unread, reader.take(), reader.unread) == (3, b"abc", 0)
    reader.feed(b"1\r\nd\r\n")
    assert reader.take() == b"d"


def test_a_requests_head_is_its_line_its_headers_and_our_framing() -> None:
    headers = [(b"Host", b"x"), (b"content-length", b"9"), (b"Transfer-Encoding", b"chunked")]
    assert request_head("POST", b"/v1?a", headers, 5) == b"POST /v1?a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("value", [b"a\r\nB: c", b"a\nB: c", b"a\rB", b"a\0"])
def test_a_header_of_more_than_one_line_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="more than one line"):
        request_head("POST", b"/", [(b"A", value)], 0)
