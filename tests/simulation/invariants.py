"""What has to hold of every exchange, every process and every seed, whatever the network did."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from gateway.usage import CHARGED
from tests.simulation import charges, limits, meeting, purses, wire
from tests.simulation.network import serial_of

if TYPE_CHECKING:
    from tests.simulation.clients import Exchange
    from tests.simulation.network import Call
    from tests.simulation.processes import Process
    from tests.simulation.world import World

SLACK = 0.001
MOST_ATTEMPTS = 2
CLOSED_WITHIN = 0.1
COMMITS = frozenset({"length", "content_filter"})  # an answer may be these without a token


def of_an_exchange(exchange: Exchange) -> None:
    """Check an exchange that has ended."""
    world, calls = exchange.world, exchange.world.network.calls.get(exchange.serial, [])
    record = next((world.records[call.uid] for call in calls if call.uid in world.records), None)

    def check(rule: str, what: str, *, holds: bool) -> None:
        if not holds:
            world.broken(rule, what, exchange.serial)

    check("attempts", f"{len(calls)} upstreams were called", holds=len(calls) <= MOST_ATTEMPTS)
    check("attempts", "an upstream was called twice", holds=len({call.name for call in calls}) == len(calls))
    for earlier, later in pairwise(calls):
        spoke = earlier.tokens > 0 or earlier.finish in COMMITS
        check("failover", f"{later.name} was called after a token of {earlier.name}", holds=not spoke)
        closed = earlier.closed_at is not None and earlier.closed_at <= later.opened_at
        check("release", f"{later.name} was called while {earlier.name}'s call was open", holds=closed)
    check("release", "a call is open after the end", holds=all(call.closed_at is not None for call in calls))
    for call in calls:
        _in_time(exchange, call)
    _heard_in_time(exchange, calls)
    _left(exchange, calls)
    wire.check(exchange, calls)
    charges.check(exchange, calls, record)


def first_token_limit(exchange: Exchange) -> float:
    return exchange.world.config.deadlines.for_first_token(len(exchange.body))


def _in_time(exchange: Exchange, call: Call) -> None:
    """A call without a token ends at its deadline, one that falls silent at the idle limit."""
    deadlines, closed_at = exchange.world.config.deadlines, call.closed_at or inf
    limit = first_token_limit(exchange)
    token_at = call.token_times[0] if call.token_times else call.finished_at if call.finish in COMMITS else inf
    late = min(token_at, closed_at) - call.opened_at
    if late > limit + SLACK:
        exchange.world.broken("deadline", f"{call.name} was given {late:.3f} s for a first token", exchange.serial)
    if not call.token_times or exchange.slow:
        return
    marks = [*call.token_times, *([call.finished_at] if call.finish else [])]
    if call.finish:
        last, patience = closed_at - call.finished_at, deadlines.tail
    else:
        last, patience = closed_at - marks[-1], deadlines.idle
    silence = max((later - earlier for earlier, later in pairwise(marks)), default=0.0)
    held = exchange.waited + limits.may_wait(exchange) if call.finish else 0.0
    if silence > deadlines.idle + SLACK or last > patience + held + SLACK:
        exchange.world.broken("idle", f"{call.name} was silent for {max(silence, last):.3f} s", exchange.serial)


def _heard_in_time(exchange: Exchange, calls: list[Call]) -> None:
    """A client of a stream has a token or an error in time; one that is shed has it at once."""
    if exchange.gone or exchange.slow or exchange.dead:
        return
    ready_at = exchange.told_at if exchange.told_at < inf else exchange.arrived_at
    if not calls:
        waited = exchange.ended_at - ready_at - exchange.waited
        if waited > limits.may_wait(exchange):
            exchange.world.broken("shed", f"the refusal took {waited:.3f} s", exchange.serial)
        return
    held = exchange.called_at - ready_at - exchange.waited_before
    if held > limits.may_wait(exchange):
        exchange.world.broken("waits", f"the first call was held up for {held:.3f} s", exchange.serial)
    grace = exchange.world.config.deadlines.grace
    limit = 2 * first_token_limit(exchange) + grace + exchange.waited + SLACK
    came_at = min(calls[-1].token_times, default=inf)  # to a client that sees no reasoning it need not be shown
    told_at = came_at if exchange.plan.hides or not exchange.plan.stream else exchange.token_at
    heard_at = min(told_at, exchange.ended_at)
    if heard_at - ready_at > limit:
        exchange.world.broken("deadline", f"nothing was told for {heard_at - ready_at:.3f} s", exchange.serial)


def _left(exchange: Exchange, calls: list[Call]) -> None:
    for call in calls:
        if exchange.gone_at < (call.closed_at or inf):
            late = (call.closed_at or inf) - max(exchange.gone_at, call.opened_at)
            if late > CLOSED_WITHIN:
                exchange.world.broken("leaving", f"{call.name} ran on for {late:.3f} s", exchange.serial)


def of_a_process(process: Process) -> None:
    """Check that a process that answered everything holds nothing."""
    world = process.world
    if process.admission.in_flight:
        world.broken("release", f"process {process.number} still holds {process.admission.in_flight} permits")
    if process.limiter.running:
        world.broken("release", f"process {process.number} still holds {process.limiter.running} places of a limit")
    if process.overload.body_bytes:
        world.broken("release", f"process {process.number} still holds {process.overload.body_bytes} bytes of bodies")
    for view in process.routing.views(world.now()):
        if view.in_flight:
            world.broken("release", f"process {process.number} still holds {view.in_flight} places of {view.name}")
    meeting.of_a_process(process)
    if process.drain._running:
        world.broken("release", f"process {process.number} still runs something")


def of_the_world(world: World) -> None:
    """Check what has to hold once everything has ended."""
    for process in world.processes:
        if not process.dead:
            of_a_process(process)
    if world.open_calls:
        world.broken("release", f"{world.open_calls} calls are open")
    for process in (*world.past, *world.processes):
        _settled(world, process)
    _charged_once(world)
    limits.of_the_world(world)
    purses.of_the_world(world)


def _charged_once(world: World) -> None:
    """One of a request and its retries is charged, as far as the word of it was not lost.

    A process that died may have taken it along, and Redis have forgotten it: then the ledger bills one of them.
    """
    if world.meeting.ill_until > -inf:
        return
    deaths = sum(process.journal.dead for process in world.past)
    charged = Counter(
        record.digests[0] for record in world.records.values() if record.digests and record.outcome in CHARGED
    )
    for count in charged.values():
        if count > 1 + deaths:
            world.broken("retry", f"{count} of a request and its retries are charged")


def _settled(world: World, process: Process) -> None:
    """Each admission that was written has its one end, but for those of a process that died or could not write."""
    settled = {record.uid for record in process.journal.settled}
    unsettled = process.journal.admitted.keys() - settled
    excused = process.journal.refused_settles | (unsettled if process.journal.dead else set())
    for uid in unsettled - excused:
        world.broken("settle", f"{uid} was admitted and never settled", serial_of(uid))
    if len(settled) != len(process.journal.settled):
        world.broken("settle", "a request is settled twice")
