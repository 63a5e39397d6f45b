"""The journal's frames: length, CRC-32, msgpack body. Pure. Typed records only: no field lets words in.

How far a request is, is no frame but a slot (`gateway.progress`); kind 3 stays free. A SETTLE carries the whole record,
so a reader needs nothing that came before it.
"""

from __future__ import annotations

import struct
import zlib
from uuid import UUID  # noqa: TC003 - the decoder reads the annotations

import msgspec

from gateway.meter import Admitted  # noqa: TC001 - as above
from gateway.usage import RequestRecord  # noqa: TC001 - as above

HEAD = struct.Struct(">II")
LONGEST = 2**16


class Admit(msgspec.Struct, frozen=True, array_like=True, tag=1):
    admitted: Admitted


class First(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """The first token came."""

    uid: UUID
    at_ms: int


class Settle(msgspec.Struct, frozen=True, array_like=True, tag=4):
    record: RequestRecord


class Attempt(msgspec.Struct, frozen=True, array_like=True, tag=5):
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


def decode(data: bytes) -> tuple[list[Frame], int]:
    """Return the whole frames at the start of `data` and the bytes they take; a torn tail ends the reading."""
    frames: list[Frame] = []
    offset = 0
    while (end := _end_of(data, offset)) > offset:
        try:
            frames.append(_decoder.decode(memoryview(data)[offset + HEAD.size : end]))
        except msgspec.DecodeError:
            if frames:
                break  # hand over what came before it; the next reading meets it first
            raise UnknownFrame from None
        offset = end
    return frames, offset


def _end_of(data: bytes, offset: int) -> int:
    if len(data) - offset < HEAD.size:
        return offset
    length, checksum = HEAD.unpack_from(data, offset)
    start = offset + HEAD.size
    if not 0 < length <= LONGEST or len(data) - start < length:
        return offset
    return start + length if zlib.crc32(memoryview(data)[start : start + length]) == checksum else offset
