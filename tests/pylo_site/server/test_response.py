from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylo_site.server.response import Response, Unsendable

STAMP = b"date: now\r\n"
TEXT = (b"content-type", b"text/plain")


def answered(
    *pieces: bytes,
    status: int = 200,
    headers: tuple[tuple[bytes, bytes], ...] = (TEXT,),
    head_only: bool = False,
    http11: bool = True,
    keep_alive: bool = True,
) -> bytes:
    response = Response(head_only=head_only, http11=http11, keep_alive=keep_alive)
    response.start(status, headers)
    last = len(pieces) - 1
    return b"".join(response.body(piece, more=index < last, stamp=STAMP) for index, piece in enumerate(pieces))


def test_an_answer_in_one_piece_has_its_length() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\ndate: now\r\n\r\n"
    assert answered(b"ab") == head + b"ab"


def test_an_answer_in_pieces_is_chunked_and_an_empty_piece_is_no_end() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\ndate: now\r\n\r\n"
    assert answered(b"", b"ab", b"", b"c") == head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


def test_an_answer_with_a_length_of_its_own_is_sent_as_it_is() -> None:
    assert answered(b"a", b"b", headers=((b"Content-Length", b"2"),)).endswith(
        b"Content-Length: 2\r\ndate: now\r\n\r\nab"
    )


def test_http_1_0_ends_with_the_connection_or_with_a_length() -> None:
    assert answered(b"a", b"b", http11=False).endswith(b"connection: close\r\ndate: now\r\n\r\nab")
    assert b"\r\nconnection: keep-alive\r\n" in answered(b"ab", http11=False)


@pytest.mark.parametrize(("status", "method"), [(200, "HEAD"), (204, "GET"), (304, "GET")])
def test_some_answers_have_no_body(status: int, method: str) -> None:
    raw = answered(b"ab", status=status, head_only=method == "HEAD")
    assert raw.endswith(b"\r\n\r\n")
    assert b"transfer-encoding" not in raw


def test_the_application_may_close_and_frames_nothing() -> None:
    headers = ((b"Connection", b"close"), (b"Transfer-Encoding", b"gzip"), (b"Keep-Alive", b"timeout=5"))
    head = answered(b"ab", headers=headers)
    assert head == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\ndate: now\r\n\r\nab"


@pytest.mark.parametrize(
    "header",
    [(b"a", b"b\r\nc: d"), (b"a", b"b\nc: d"), (b"a", b"b\rc"), (b"a", b"b\0"), (b"a: b\r\nc", b"d"), (b"", b"d")],
)
def test_no_header_can_hold_another(header: tuple[bytes, bytes]) -> None:
    response = Response(head_only=False, http11=True, keep_alive=True)
    with pytest.raises(Unsendable):
        response.start(200, [header])
    assert (response.status, response.sent) == (0, False)


@pytest.mark.parametrize("pieces", [(b"abc",), (b"a",), (b"a", b"bc"), (b"a", b"")])
def test_a_body_of_another_length_than_promised_is_not_sent_as_whole(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(Unsendable):
        answered(*pieces, headers=((b"content-length", b"2"),))


@pytest.mark.parametrize("status", [101, 99, 600])
def test_a_status_that_is_none_is_refused(status: int) -> None:
    with pytest.raises(Unsendable):
        answered(b"", status=status)


class Client:
    """What a client of another make reads."""

    def __init__(self) -> None:
        self.body = b""
        self.whole = False

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.whole = True


@given(pieces=st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_a_client_reads_what_was_sent_however_it_was_cut(pieces: list[bytes]) -> None:
    client = Client()
    httptools.HttpResponseParser(client).feed_data(answered(*pieces))
    assert (client.body, client.whole) == (b"".join(pieces), True)
