from __future__ import annotations

from pylo_site.server.outgoing import Outgoing


class Transport:
    """Twisted's buffer, as far as it is looked at."""

    def __init__(self) -> None:
        self.dataBuffer, self.offset, self._tempDataLen = b"", 0, 0
        self.written: list[bytes] = []

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: N802, FBT001, ARG002 - Twisted's
        self.streaming = streaming

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self._tempDataLen += len(data)


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def paused() -> tuple[Outgoing, Transport, Clock]:
    """One that waits for a client which may be silent for 30 seconds, with 100 bytes under way."""
    transport, clock = Transport(), Clock()
    outgoing = Outgoing(transport, 30.0, clock)
    outgoing.write(bytes(100))
    outgoing.pauseProducing()
    return outgoing, transport, clock


def test_a_client_that_takes_nothing_has_stalled() -> None:
    outgoing, _, clock = paused()
    clock.at = 29.9
    assert not outgoing.stalled
    clock.at = 30.0
    assert outgoing.stalled


def test_a_client_that_takes_a_byte_has_as_long_again() -> None:
    outgoing, transport, clock = paused()
    clock.at, transport.offset = 30.0, 1
    assert not outgoing.stalled
    clock.at = 59.9
    assert not outgoing.stalled
    clock.at = 60.0
    assert outgoing.stalled


async def test_who_waits_for_room_goes_on_when_there_is_some() -> None:
    outgoing, _, clock = paused()
    assert not outgoing.writable
    outgoing.resumeProducing()
    await outgoing.drained()
    clock.at = 100.0
    assert (outgoing.writable, outgoing.stalled) == (True, False)


def test_what_is_no_plain_socket_is_written_through_twisted() -> None:
    _, transport, _ = paused()
    assert transport.written == [bytes(100)]
