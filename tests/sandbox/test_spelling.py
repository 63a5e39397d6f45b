from __future__ import annotations

import json

import pytest

from sandbox.spelling import Spelling


@pytest.mark.parametrize(
    ("spelling", "written"),
    [
        (Spelling(), b'data: {"a":"b"}\n\n'),
        (Spelling(space=False, crlf=True), b'data:{"a":"b"}\r\n\r\n'),
        (Spelling(comments=True), b': ping\n\ndata: {"a":"b"}\n\n'),
        (Spelling(ids=True, named=True), b'id: 1\nevent: message\ndata: {"a":"b"}\n\n'),
        (Spelling(lines=True), b'data: {\ndata: "a": "b"\ndata: }\n\n'),
    ],
)
def test_one_event_has_many_spellings(spelling: Spelling, written: bytes) -> None:
    assert spelling.event('{"a":"b"}') == written


@pytest.mark.parametrize(
    ("spelling", "written"),
    [
        (Spelling(), b"data: [DONE]\n\n"),
        (Spelling(padded=True), b"data: [DONE] \n\n"),
        (Spelling(unended=True), b"data: [DONE]\n"),
        (Spelling(no_done=True), b""),
    ],
)
def test_so_has_the_end(spelling: Spelling, written: bytes) -> None:
    assert spelling.last() == written


def test_an_event_is_blown_up_to_the_size_asked_for_and_means_the_same() -> None:
    blown_up = Spelling(size=1000).blown_up('{"a":"é"}')
    assert len(blown_up.encode()) == 1000
    assert json.loads(blown_up)["a"] == "é"
    assert Spelling(size=5).blown_up('{"a":1}') == '{"a":1}'


def test_bytes_are_cut_into_steps() -> None:
    assert Spelling(step=2).pieces(b"abcde") == [b"ab", b"cd", b"e"]
    assert Spelling().pieces(b"abcde") == [b"abcde"]
    assert Spelling(step=2).pieces(b"") == [b""]
