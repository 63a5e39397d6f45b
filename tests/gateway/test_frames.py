from __future__ import annotations

import zlib
from typing import get_type_hints
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.frames import HEAD, SETTLE, Admit, First, Frame, Settle, UnknownFrame, decode, encode
from gateway.meter import Admitted
from gateway.usage import Outcome, RequestRecord, Tokens, Try, UsageSource
from tests.gateway.records import make_admitted, make_record

FRAMES: list[Frame] = [Admit(make_admitted(1)), First(UUID(int=1), 5), Settle(make_record(1)), Admit(make_admitted(2))]
ENCODED = [encode(frame) for frame in FRAMES]
DATA = b"".join(ENCODED)
ENDS = [sum(map(len, ENCODED[:count])) for count in range(len(ENCODED) + 1)]


def test_what_was_written_is_read() -> None:
    assert decode(DATA) == (FRAMES, len(DATA))


@given(st.integers(0, len(DATA)))
def test_a_tail_torn_anywhere_loses_only_the_torn_frame(cut: int) -> None:
    whole = max(index for index, end in enumerate(ENDS) if end <= cut)
    assert decode(DATA[:cut]) == (FRAMES[:whole], ENDS[whole])


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_changed_byte_is_seen(position: int, change: int) -> None:
    spoiled = bytearray(DATA)
    spoiled[position] ^= change
    frames, _ = decode(bytes(spoiled))
    before = sum(end <= position for end in ENDS) - 1
    assert frames == FRAMES[:before]


@given(st.binary(max_size=64))
def test_garbage_and_zeros_end_the_reading(tail: bytes) -> None:
    assert decode(DATA + bytes(64))[0] == FRAMES
    frames, _ = decode(tail)
    assert frames == []


def test_a_record_written_before_tries_were_kept_is_still_read() -> None:
    record = make_record(1)
    fields = msgspec.to_builtins(record, builtin_types=(UUID,))
    del fields["tries"], fields["digests"]
    body = msgspec.msgpack.encode([4, fields])
    older = HEAD.pack(len(body), zlib.crc32(body)) + body
    assert decode(older) == ([Settle(record)], len(older))


def test_a_frame_of_a_newer_release_is_not_skipped() -> None:
    body = msgspec.msgpack.encode([3, "progress"])
    newer = HEAD.pack(len(body), zlib.crc32(body)) + body
    assert decode(ENCODED[0] + newer) == (FRAMES[:1], len(ENCODED[0]))
    with pytest.raises(UnknownFrame):
        decode(newer)


@given(st.integers(0, len(DATA)))
def test_of_frames_of_one_kind_the_others_are_passed_over(cut: int) -> None:
    whole = max(index for index, end in enumerate(ENDS) if end <= cut)
    settled = [frame for frame in FRAMES[:whole] if isinstance(frame, Settle)]
    assert decode(DATA[:cut], SETTLE) == (settled, ENDS[whole])


@pytest.mark.parametrize("body", [msgspec.msgpack.encode([3, "progress"]), b"\x90", b"\x04"])
def test_an_unknown_frame_is_met_when_one_kind_is_read(body: bytes) -> None:
    newer = HEAD.pack(len(body), zlib.crc32(body)) + body
    with pytest.raises(UnknownFrame):
        decode(ENCODED[0] + newer, SETTLE)


def test_a_frame_has_no_field_for_words() -> None:
    fields = get_type_hints(Admitted) | get_type_hints(RequestRecord) | get_type_hints(Try)
    texts = {name for name, kind in fields.items() if kind is str}
    assert texts == {
        "request_id",
        "model",
        "upstream",
        "finish_reason",
        "error_code",
        "fault",
    }  # checked, ours, or out of a list
    of_tries, of_digests = tuple[Try, ...], tuple[bytes, ...]
    assert set(fields.values()) - {str, of_tries, of_digests} == {
        *(UUID, bool, int, int | None, Outcome, Tokens, UsageSource),
    }
