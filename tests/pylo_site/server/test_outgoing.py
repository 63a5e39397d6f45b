from __future__ import annotations

from pylo_site.server.outgoing import Outgoing


class Transport:
    """Twisted's buffer, as far as it is looked at."""

    def __init__(self) -> None:
        self.dataBuffer, self.offset, self._tempDataLen = b"", 0, 0
        self.written: list[bytes] = []
        self.ends: list[str] = []

    def unregisterProducer(self) -> None:  # noqa: N802 - Twisted's
        self.streaming = False

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's
        self.ends.append("lose")

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's
        self.ends.append("abort")

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


def test_an_end_waits_while_the_client_takes_what_it_was_sent_and_no_longer() -> None:
    outgoing, transport, _ = paused()
    outgoing.close(linger=False)
    assert transport.ends == ["lose"]
    outgoing.finish()
    transport.offset = 50
    outgoing.finish()
    assert transport.ends == ["lose"]
    outgoing.finish()
    assert transport.ends == ["lose", "abort"]


def test_an_end_with_nothing_left_to_send_resets_nothing() -> None:
    outgoing, transport, _ = paused()
    transport.offset = 100
    outgoing.close(linger=True)
    outgoing.finish()
    assert transport.ends == ["lose", "lose"]
