"""Upstream → client, after the first token: one read is one send; a stall, a cut or an early end is told as such."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from gateway.faults import FaultKind, UpstreamFault, interruption
from gateway.watch import Watch

if TYPE_CHECKING:
    from gateway.answer import Answer
    from gateway.deadlines import Deadlines
    from gateway.meter import Meter
    from gateway.outlets import Outlet
    from gateway.ports import Clock, Journal

AFTER_THE_END = frozenset({FaultKind.CUT, FaultKind.STALLED, FaultKind.TRUNCATED})


async def forward(
    answer: Answer, outlet: Outlet, meter: Meter, journal: Journal, clock: Clock, deadlines: Deadlines
) -> None:
    """Return when the answer is whole; raise an `ApiError` when it broke off."""
    watch = Watch()
    try:
        async with watch:
            await _forward(answer, outlet, meter, journal, clock, _Patience(watch, deadlines))
    except TimeoutError:
        if not watch.expired:
            raise  # not ours
        fault = UpstreamFault(FaultKind.STALLED)
    except UpstreamFault as error:
        fault = error
    else:
        return
    # With a finish reason the answer is whole: what was lost then is at most its usage, which is counted instead.
    if not (meter.finish_reason and fault.kind in AFTER_THE_END):
        answer.call.broke(fault)
        raise interruption(fault)


async def _forward(
    answer: Answer, outlet: Outlet, meter: Meter, journal: Journal, clock: Clock, patience: _Patience
) -> None:
    deltas = answer.held
    while True:
        now_ms, was_ending, spoke = clock.ms(), bool(meter.finish_reason), False
        for delta in deltas:
            meter.saw(delta, now_ms)
            spoke = spoke or delta.is_token
        ending = bool(meter.finish_reason)
        journal.progress(meter.admitted.uid, *meter.so_far())
        patience.rest()
        await outlet.deltas(deltas)
        patience.wait(spoke=spoke or ending != was_ending, ending=ending)
        if answer.ended:
            break
        deltas = await answer.read()
    if not meter.finish_reason:
        raise UpstreamFault(FaultKind.TRUNCATED)


class _Patience:
    """How long the next token may take. A client that reads slowly is no stall of the upstream."""

    def __init__(self, watch: Watch, deadlines: Deadlines) -> None:
        self._loop = asyncio.get_running_loop()
        self._watch = watch
        self._deadlines = deadlines
        self._heard_at = self._loop.time()
        self._last = self._heard_at + deadlines.total

    def rest(self) -> None:
        self._watch.until(inf)

    def wait(self, *, spoke: bool, ending: bool) -> None:
        if spoke:
            self._heard_at = self._loop.time()
        limit = self._deadlines.tail if ending else self._deadlines.idle
        self._watch.until(min(self._heard_at + limit, self._last))
