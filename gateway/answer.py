"""One upstream's answer, read step by step: bytes → events → deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import sse
from gateway.faults import FaultKind, UpstreamFault
from gateway.schema import CONTEXT_TOKENS

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from gateway.call import Call
    from gateway.deltas import Delta
    from gateway.upstream import Stream

WITHOUT_TOKENS = frozenset({"length", "content_filter"})  # an answer may end so with nothing said
MOST_BYTES = CONTEXT_TOKENS * 1024  # on the wire; no chunk of a token is so long, so no answer of the model's is


class Answer:
    """What came of a call. Closing it closes the connection, and ends the call."""

    def __init__(self, stream: Stream, call: Call) -> None:
        self.call = call
        self._stream = stream
        self._reader = call.exchange.reader
        self._parser = sse.Parser()
        self._bytes = 0
        self._fault: UpstreamFault | None = None
        self.ended = False
        self.held: list[Delta] = []  # came before, and with, the first token

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._reader.done:
                await self._stream.drain()
        finally:  # a client may leave while the rest is read
            try:
                await self.close()
            finally:
                self.call.over()

    async def close(self) -> None:
        await self._stream.close()

    async def read(self) -> list[Delta]:
        """Return what came in one read of the connection, often one delta; a fault behind it waits for the next."""
        if self._fault is not None:
            raise self._fault
        chunk = await self._stream.read()
        self._bytes += len(chunk)
        deltas: list[Delta] = []
        try:
            for event in self._events(chunk):
                delta = self._reader.read(event.name, event.data)
                if delta is not None:
                    deltas.append(delta)
                if self._reader.done:
                    self.ended = True
                    break
        except UpstreamFault as fault:
            if chunk or fault.kind is not FaultKind.MALFORMED:  # the end may come amid a line: no more than an end
                self._fault = fault
        if self._fault is not None and not deltas:
            raise self._fault
        return deltas

    def _events(self, chunk: bytes) -> list[sse.Event]:
        if self._bytes > MOST_BYTES:
            raise UpstreamFault(FaultKind.MALFORMED)
        if not chunk:
            self.ended = True
            last = self._parser.end()
            return [] if last is None else [last]
        try:
            return self._parser.feed(chunk)
        except sse.EventTooLong:
            raise UpstreamFault(FaultKind.MALFORMED) from None

    async def first_token(self) -> None:
        """Return when there is something to show; a role, an empty delta and a comment are nothing."""
        while True:
            deltas = await self.read()
            self.held += deltas
            if any(delta.is_token or delta.finish_reason in WITHOUT_TOKENS for delta in deltas):
                return
            if self.ended:
                raise UpstreamFault(FaultKind.EMPTY)
