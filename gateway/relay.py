"""Upstream → client, after the first token: one read is one send; a stall, a cut or an early end is told as such."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.faults import FaultKind, UpstreamFault, interruption

if TYPE_CHECKING:
    from gateway.attempt import Answer
    from gateway.deadlines import Deadlines
    from gateway.meter import Meter
    from gateway.outlets import Outlet
    from gateway.ports import Clock

AFTER_THE_END = frozenset({FaultKind.CUT, FaultKind.STALLED, FaultKind.TRUNCATED})


async def forward(answer: Answer, outlet: Outlet, meter: Meter, clock: Clock, deadlines: Deadlines) -> None:
    """Return when the answer is whole; raise an `ApiError` when it broke off."""
    try:
        await _forward(answer, outlet, meter, clock, deadlines)
    except UpstreamFault as fault:
        # With a finish reason the answer is whole: what was lost then is at most its usage, which is counted instead.
        if not (meter.finish_reason and fault.kind in AFTER_THE_END):
            raise interruption(fault) from None


async def _forward(answer: Answer, outlet: Outlet, meter: Meter, clock: Clock, deadlines: Deadlines) -> None:
    loop = asyncio.get_running_loop()
    deltas = answer.held
    heard_at = loop.time()
    while True:
        now_ms = clock.ms()
        for delta in deltas:
            meter.saw(delta, now_ms)
        await outlet.deltas(deltas)
        if any(delta.is_token for delta in deltas):
            heard_at = loop.time()  # after the send: a client that reads slowly is no stall of the upstream
        if answer.ended:
            break
        try:
            async with asyncio.timeout_at(heard_at + (deadlines.tail if meter.finish_reason else deadlines.idle)):
                deltas = await answer.read()
        except TimeoutError:
            raise UpstreamFault(FaultKind.STALLED) from None
    if not meter.finish_reason:
        raise UpstreamFault(FaultKind.TRUNCATED)
