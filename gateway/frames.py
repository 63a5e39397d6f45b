"""The journal's frames: length, CRC-32, msgpack body. Pure. Typed records only: no field lets words in.

How far a request is, is no frame but a slot (`gateway.progress`); kind 3 stays free. A SETTLE carries the whole record,
so a reader needs nothing that came before it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003 - the decoder reads the annotations

import msgspec

from gateway.meter import Admitted  # noqa: TC001 - as above
from gateway.usage import RequestRecord  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = struct.Struct(">II")
LONGEST = 2**16
ADMIT, FIRST, SETTLE, ATTEMPT = KINDS = 1, 2, 4, 5


class Admit(msgspec.Struct, frozen=True, array_like=True, tag=ADMIT):
    admitted: Admitted


class First(msgspec.Struct, frozen=True, array_like=True, tag=FIRST):
    """The first token came."""

    uid: UUID
    at_ms: int


class Settle(msgspec.Struct, frozen=True, array_like=True, tag=SETTLE):
    record: RequestRecord


class Attempt(msgspec.Struct, frozen=True, array_like=True, tag=ATTEMPT):
    """An upstream is asked; `number` counts from 1."""

    uid: UUID
    upstream: str
    number: int


Frame = Admit | First | Settle | Attempt
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Admit | First | Settle | Attempt)


class UnknownFrame(Exception):  # noqa: N818 - names what was met
    """A frame is whole but not one of ours: written by a newer release, perhaps. To skip it could lose a charge."""


def encode(frame: Frame) -> bytes:
    body = _encoder.encode(frame)
    return HEAD.pack(len(body), zlib.crc32(body)) + body


def decode(data: bytes, only: int | None = None) -> tuple[list[Frame], int]:
    """Return the whole frames at the start of `data` and the bytes they take; a torn tail ends the reading.

    With `only`, frames of other kinds that are ours are passed over, unread.
    """
    frames: list[Frame] = []
    offset = 0
    for start, end in _whole(data):
        kind = data[start + 1] if end - start > 1 else None  # behind the array's length
        if only is None or kind == only or kind not in KINDS:
            try:
                frames.append(_decoder.decode(memoryview(data)[start:end]))
            except msgspec.DecodeError:
                if frames:
                    break  # hand over what came before it; the next reading meets it first
                raise UnknownFrame from None
        offset = end
    return frames, offset


def _whole(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each frame's body begins and ends, until one is torn."""
    view, end, size = memoryview(data), 0, len(data)
    while size - end >= HEAD.size:
        length, checksum = HEAD.unpack_from(data, end)
        start = end + HEAD.size
        end = start + length
        if not 0 < length <= LONGEST or end > size or zlib.crc32(view[start:end]) != checksum:
            return
        yield start, end
