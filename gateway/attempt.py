"""Plan → an answer that has its first token. Until then a failure moves on to the next upstream, after it never."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from gateway import sse, telemetry
from gateway.dialects import DIALECTS
from gateway.errors import CapacityExhausted, Overloaded, UpstreamError, UpstreamTimeout
from gateway.faults import FaultKind, UpstreamFault, refusal
from gateway.schema import CONTEXT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from gateway.config import Upstream
    from gateway.deadlines import Deadlines
    from gateway.deltas import Delta
    from gateway.dialects.exchanges import Exchange, Reader
    from gateway.errors import ApiError
    from gateway.meter import Meter
    from gateway.routing import Plan
    from gateway.schema import Chat
    from gateway.uids import RequestIds
    from gateway.upstream import Client, Stream

WITHOUT_TOKENS = frozenset({"length", "content_filter"})  # an answer may end so with nothing said
RETRY_AFTER_SECONDS = 5
MOST_BYTES = CONTEXT_TOKENS * 1024  # on the wire; no chunk of a token is so long, so no answer of the model's is


@dataclass(frozen=True, slots=True)
class Call:
    """The request as one upstream is asked."""

    upstream: Upstream
    exchange: Exchange


def calls(plan: Plan, chat: Chat, tenant: str) -> Iterable[Call]:
    """Spell the request for each upstream of the plan: for the first at once, for another when its turn comes.

    `tenant` is an opaque name of the workspace (`gateway.dialects`).
    """
    spelled = (Call(each, DIALECTS[each.dialect].exchange(chat, each.model, tenant)) for each in plan.upstreams)
    return chain(tuple(islice(spelled, 1)), spelled)


class Answer:
    """One upstream's answer, read step by step. Closing it closes the connection."""

    def __init__(self, stream: Stream, reader: Reader) -> None:
        self._stream = stream
        self._reader = reader
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
        if kind is None and self._reader.done:
            await self._stream.drain()
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


class Attempts:
    """Makes a plan's calls."""

    def __init__(self, client: Client, deadlines: Deadlines) -> None:
        self._client = client
        self._deadlines = deadlines

    async def first_token(self, calls: Iterable[Call], meter: Meter, ids: RequestIds, body_bytes: int) -> Answer:
        loop = asyncio.get_running_loop()
        each = self._deadlines.for_first_token(body_bytes)
        last = loop.time() + self._deadlines.for_all_attempts(body_bytes)
        faults: list[UpstreamFault] = []
        for call in calls:
            meter.attempt(call.upstream.name)
            try:
                return await self._attempt(call, ids, min(loop.time() + each, last))
            except UpstreamFault as fault:
                telemetry.fault(ids.own_id, call.upstream.name, fault)
                if not fault.fails_over:
                    raise refusal(fault) from None
                faults.append(fault)
        raise exhausted(faults)

    async def _attempt(self, call: Call, ids: RequestIds, until: float) -> Answer:
        answer: Answer | None = None
        try:
            async with asyncio.timeout_at(until):
                stream = await self._client.open(call.upstream, call.exchange.body, ids)
                answer = Answer(stream, call.exchange.reader)
                await answer.first_token()
        except BaseException as error:
            if answer is not None:
                await answer.__aexit__(None, None, None)
            if isinstance(error, TimeoutError):
                raise UpstreamFault(FaultKind.TIMEOUT) from None
            raise
        return answer


def exhausted(faults: list[UpstreamFault]) -> ApiError:
    """Say what every attempt came to, without a word about which upstream it was."""
    if not faults:
        return Overloaded("No upstream can take the request now.", retry_after=RETRY_AFTER_SECONDS)
    if all(fault.kind is FaultKind.THROTTLED for fault in faults):
        wait = min(fault.retry_after for fault in faults) or RETRY_AFTER_SECONDS
        return CapacityExhausted("The model is at capacity. Please try again shortly.", retry_after=wait)
    if faults[-1].kind is FaultKind.TIMEOUT:
        return UpstreamTimeout("No upstream gave a first token in time. You are not charged.")
    error = UpstreamError("No upstream could answer. You are not charged.")
    error.should_retry = len(faults) == 1  # two upstreams were tried already: a client's retries would make it six
    return error
