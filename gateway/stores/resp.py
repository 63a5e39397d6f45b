"""One connection to Redis: the calls of one turn of the event loop go out together, and replies come in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import hiredis

from gateway.ports import StoreUnavailable

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Sequence

Word = str | int | bytes

GRACE = 0.005  # seconds: the loop itself was late, so what has come is read before anybody is given up


class Refusal(Exception):  # noqa: N818 - Redis's word
    """An error reply. `code` is its first word, which is all of it that is ever shown: the rest may quote a key."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]


class Link(asyncio.Protocol):
    """Whoever waits gets its own reply or none: one that no longer waits still takes its reply's place in the queue."""

    def __init__(self, patience: float) -> None:
        self.lost: Future[str] = asyncio.get_running_loop().create_future()  # why it ended
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = hiredis.Reader(protocolError=ValueError, replyError=Refusal)
        self._outgoing: list[bytes] = []
        # until when, and who; and who hears of the reply at once, even where nobody waits for it any more
        self._waiting: deque[tuple[float, Future[Any], Callable[[Any], None] | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when it rings

    def ask(
        self, words: Sequence[Word], patience: float = 0.0, heard: Callable[[Any], None] | None = None
    ) -> Future[Any]:
        """Send a command; its reply may be a `Refusal`. The future fails when the link does, within `patience`.

        `heard` is given the reply in the order of replies, before any later one is read.
        """
        future: Future[Any] = self._loop.create_future()
        if self.lost.done():
            future.set_exception(StoreUnavailable(self.lost.result()))
            return future
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        packed: Any = tuple(words)  # of any length, unlike what hiredis's stub says
        self._outgoing.append(hiredis.pack_command(packed))
        until = self._loop.time() + (patience or self._patience)
        first = not self._waiting
        self._waiting.append((until, future, heard))
        if self._timer is None:
            self._ring(until)
        elif first and until < self._due:  # it rings for a call of more patience, which was answered
            self._timer.cancel()
            self._ring(until)
        return future

    def _ring(self, at: float) -> None:
        self._due = at
        self._timer = self._loop.call_at(at, self._check, at)

    def drop(self, why: str) -> None:
        """End the connection now; all who wait are told."""
        if self.lost.done():
            return
        self.lost.set_result(why)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        for _, future, _ in self._waiting:
            if not future.done():
                future.set_exception(StoreUnavailable(why))
        self._waiting.clear()
        self._outgoing.clear()

    def _flush(self) -> None:
        if self._transport is not None and self._outgoing:
            self._transport.write(b"".join(self._outgoing))
            self._outgoing.clear()

    def _check(self, due: float) -> None:
        """Give the link up if the reply that is due first is late."""
        self._timer = None
        if not self._waiting:
            return
        now, until = self._loop.time(), self._waiting[0][0]
        if now < until:
            self._ring(until)
        elif now - due > GRACE:
            self._ring(now + GRACE / 2)
        else:
            self.drop("timeout")

    # -- asyncio's events ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in deed, not in name

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        try:
            while (reply := self._parser.gets()) is not False:
                _, future, heard = self._waiting.popleft()
                if heard is not None:
                    heard(reply)
                if not future.done():
                    future.set_result(reply)
        except (ValueError, IndexError) as error:  # no RESP, or a reply that nobody asked for
            self.drop(type(error).__name__)

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop(type(exc).__name__ if exc is not None else "closed")
