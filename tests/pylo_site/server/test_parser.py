from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from pylo_site.server.limits import Limits
from pylo_site.server.parser import Parser

if TYPE_CHECKING:
    from pylo_site.server.head import Head, Heading
    from pylo_site.server.refusals import Refusal

WORDS = (
    b"POST /v1/a%20b?c=d HTTP/1.1\r\nHost: x\r\nA-B: c\r\nC_D: e\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n"
    b"POST /f HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok"
    b"GET /g HTTP/1.1\r\nHost: x\r\n\r\n"
    b"GET /h HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
    b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n"
)
HEARD = [
    ("POST", "/v1/a b", b"c=d", b"hello"),
    ("POST", "/e", b"", b"abcde"),
    ("POST", "/f", b"", b"ok"),
    ("GET", "/g", b"", b""),
    (400, b"/h"),
]


class Owner:
    """Writes down what it is told, a request at a time."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self._body = b""

    def begun(self) -> None:
        self._body = b""

    def head(self, head: Head) -> None:
        self.heard.append((head.method, head.path, head.query))

    def body(self, piece: bytes) -> None:
        self._body += piece

    def ended(self) -> None:
        self.heard[-1] = (*self.heard[-1], self._body)
        self._body = b""

    def refused(self, refusal: Refusal, heading: Heading | None) -> None:
        self.heard.append((refusal.status, heading.target if heading else None))

    def upgraded(self, head: Head, rest: bytes) -> None:
        self.heard.append(("upgraded", head.path, rest))


def read(*pieces: bytes, **limits: int) -> list[tuple[Any, ...]]:
    owner = Owner()
    parser = Parser(owner, Limits(**limits))
    for piece in pieces:
        parser.feed(piece)
    return owner.heard


@given(cuts=st.lists(st.integers(0, len(WORDS)), max_size=12).map(sorted))
def test_bytes_mean_the_same_wherever_they_are_cut(cuts: list[int]) -> None:
    assert read(*(WORDS[a:b] for a, b in zip([0, *cuts], [*cuts, len(WORDS)], strict=True))) == HEARD


def test_bytes_mean_the_same_one_by_one() -> None:
    assert read(*(WORDS[index : index + 1] for index in range(len(WORDS)))) == HEARD


@given(noise=st.binary(max_size=400))
def test_no_bytes_do_more_than_be_refused(noise: bytes) -> None:
    for heard in read(noise, noise):
        assert heard


def test_a_head_is_bounded_before_it_is_complete() -> None:
    begun = b"GET / HTTP/1.1\r\nHost: x\r\nA: "
    assert read(begun, *([b"a" * 100] * 9), head_bytes=1000) == []
    assert read(begun, *([b"a" * 100] * 11), head_bytes=1000) == [(431, b"/")]


def test_a_websocket_takes_the_rest_with_it() -> None:
    head = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
    assert read(head + b"\x81\x00", b"more") == [("upgraded", "/ws", b"\x81\x00")]
