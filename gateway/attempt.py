"""Lease → an answer that has its first token. Until then a failure moves on to another upstream, after it never."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway import telemetry
from gateway.answer import Answer
from gateway.call import Call
from gateway.dialects import DIALECTS
from gateway.exhausted import exhausted
from gateway.faults import FaultKind, UpstreamFault, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.deadlines import Deadlines
    from gateway.meter import Meter
    from gateway.ports import Clock, Journal
    from gateway.routing import Lease, Routing
    from gateway.schema import Chat
    from gateway.uids import RequestIds
    from gateway.upstream import Client

MOST_ATTEMPTS = 2


class Attempts:
    """Asks upstreams for the answer to a request: two at most, and never the same one twice."""

    def __init__(
        self,
        client: Client,
        routing: Routing,
        journal: Journal,
        deadlines: Deadlines,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        self.client = client
        self.journal = journal
        self.routing = routing
        self.deadlines = deadlines
        self.clock = clock
        self.draw = draw  # a number of [0, 1), for the waits that clients are told

    @contextmanager
    def prepared(self, chat: Chat, meter: Meter, ids: RequestIds, body_bytes: int) -> Iterator[Failover]:
        """Take the place of the upstream to ask first, and spell the request for it; at the block's end none is held.

        Raise the shed where no upstream may be asked.
        """
        failover = Failover(self, chat, meter, ids, body_bytes)
        try:
            failover.prepare()
            yield failover
        finally:
            failover.release()


class Failover:
    """One request's way through the upstreams. It holds one lease at a time."""

    def __init__(self, attempts: Attempts, chat: Chat, meter: Meter, ids: RequestIds, body_bytes: int) -> None:
        self._attempts = attempts
        self._clock = attempts.clock
        self._chat = chat
        self._meter = meter
        self._ids = ids
        self._seconds = attempts.deadlines.for_first_token(body_bytes)
        self._slow_after = attempts.deadlines.slow_after(body_bytes)
        self._in_all = attempts.deadlines.for_all_attempts(body_bytes)
        self._tried: list[str] = []
        self._faults: list[UpstreamFault] = []
        self._lease: Lease | None = None
        self._call: Call | None = None

    def prepare(self) -> None:
        """Take a place of the best upstream that was not tried, and spell the request for it; raise where none is."""
        routing = self._attempts.routing
        lease = routing.lease(self._clock.seconds(), slow_after=self._slow_after, tried=self._tried)
        if lease is None:
            raise exhausted(self._faults, routing.shed(self._clock.seconds()), self._attempts.draw)
        self._lease = lease
        self._tried.append(lease.upstream.name)
        tenant = self._meter.admitted.workspace_id.hex
        exchange = DIALECTS[lease.upstream.dialect].exchange(self._chat, lease.upstream.model, tenant)
        self._call = Call(lease, exchange, self._meter.tries, self._clock)

    def release(self) -> None:
        if self._lease is not None:
            self._lease.release(self._clock.seconds())

    async def first_token(self) -> Answer:
        """Ask, and ask another one; return the answer that has a first token, or raise what the tries came to."""
        last = self._clock.seconds() + self._in_all
        while True:
            try:
                return await self._ask(last)
            except UpstreamFault as fault:
                telemetry.fault(self._ids.own_id, self._meter.tries.upstream, fault)
                if not fault.fails_over:
                    raise refusal(fault) from None
                self._faults.append(fault)
            if len(self._faults) == MOST_ATTEMPTS:
                raise exhausted(self._faults, None, self._attempts.draw)
            self.prepare()

    async def _ask(self, last: float) -> Answer:
        """Ask the upstream that is prepared, until `last` at the longest."""
        call = self._call
        if call is None:
            raise RuntimeError("nobody to ask")
        answer: Answer | None = None
        seconds = min(self._seconds, call.patience, last - call.begins())
        self._attempts.journal.attempt(self._ids.uid, call.upstream.name, self._meter.tries.count)
        try:
            async with asyncio.timeout(seconds):
                stream = await self._attempts.client.open(call.upstream, call.exchange.body, self._ids)
                answer = Answer(stream, call)
                await answer.first_token()
        except BaseException as error:
            late = UpstreamFault(FaultKind.TIMEOUT) if isinstance(error, TimeoutError) else None
            call.failed(late or error, answered=answer is not None)
            if answer is not None:
                await answer.close()
            if late is not None:
                raise late from None
            raise
        call.answers()
        return answer
