"""The scripted network: every upstream's health over time, and one call after another played on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING
from uuid import UUID

import httpx

from tests.simulation.answers import good
from tests.simulation.dice import dice
from tests.simulation.faults import OUTAGES, bad
from tests.simulation.turns import Ending, Opening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from gateway.usage import Tokens
    from tests.simulation.processes import Process
    from tests.simulation.turns import Turn
    from tests.simulation.world import World

OWN_ID = "x-pylo-request-id"
SERIAL_MASK = 2**62 - 1
RESPONSES: dict[tuple[tuple[str, str], ...], httpx.Headers] = {}


def serial_of(uid: UUID) -> int:
    """Return the number of the exchange, which stands where a UUID has its entropy."""
    return uid.int & SERIAL_MASK


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which every new call fails in one way; one that is `deadly` cuts what runs as it begins."""

    begins: float
    ends: float
    kind: str
    deadly: bool = False


@dataclass(frozen=True, slots=True)
class Backend:
    """One upstream: the share of its calls that go wrong, and its outages."""

    name: str
    faulty: float
    outages: Sequence[Outage] = ()

    def outage(self, now: float) -> Outage | None:
        return next((each for each in self.outages if each.begins <= now < each.ends), None)

    def dies_after(self, now: float) -> float:
        return min((each.begins for each in self.outages if each.deadly and each.begins > now), default=inf)


@dataclass(slots=True)
class Call:
    """One call of one upstream, and how much of its turn was delivered."""

    world: World
    name: str
    uid: UUID
    serial: int
    label: str
    turn: Turn
    opened_at: float
    dies_at: float = inf
    answered_at: float = inf
    closed_at: float | None = None
    delivered: int = 0  # pieces
    token_times: list[float] = field(default_factory=list)  # of each piece with a token in it
    tokens: int = 0
    finish: str = ""
    finished_at: float = inf
    usage: Tokens | None = None
    failed: str = ""  # how the wire broke

    def tell(self, *what: object) -> None:
        self.world.trace.add(self.world.now(), self.serial, f"{self.name}.{self.label}", *what)

    def close(self, why: str) -> None:
        if self.closed_at is None:
            self.closed_at = self.world.now()
            self.world.open_calls -= 1
            self.tell(why, "after", self.tokens, "tokens")

    async def open(self, patience: float) -> None:
        """Come as far as the headers, or raise what the wire raises."""
        match self.turn.opening:
            case Opening.REFUSED:
                await self._until(self.opened_at + self.turn.latency)
                raise httpx.ConnectError("refused")
            case Opening.UNREACHABLE:
                await self._until(self.opened_at + patience)
                raise httpx.ConnectTimeout("unreachable")
            case Opening.SILENT:
                await self._until(inf)
            case _:
                await self._until(self.opened_at + self.turn.latency)
        if self.turn.opening is Opening.RESET:
            raise httpx.RemoteProtocolError("reset")
        self.answered_at = self.world.now()

    async def read(self) -> bytes:
        """Return all that has arrived, or wait for the next piece; nothing at the end. A cut raises."""
        pieces = self.turn.pieces
        if self.delivered == len(pieces):
            return await self._end()
        await self._until(self.answered_at + pieces[self.delivered].at)
        first, now = self.delivered, self.world.now()
        self.delivered += 1
        while self.delivered < len(pieces) and self.answered_at + pieces[self.delivered].at <= now:
            self.delivered += 1
        last = pieces[self.delivered - 1]
        if last.tokens > self.tokens:
            self.token_times.append(now)
        if last.finish and not self.finish:
            self.finished_at = now
        self.tokens, self.finish, self.usage = last.tokens, last.finish, last.usage
        if first == 0 or last.tokens == 1 or last.finish:
            self.tell("sent", self.delivered, "of", len(pieces), "pieces,", self.tokens, "tokens", last.finish)
        return b"".join([piece.data for piece in pieces[first : self.delivered]])

    async def _end(self) -> bytes:
        match self.turn.ending:
            case Ending.CUT:
                self._cut()
            case Ending.HANG:
                await self._until(inf)
            case _:
                self.tell("ended")
        return b""

    async def _until(self, moment: float) -> None:
        """Wait, unless this upstream dies first."""
        dies, until = self.dies_at < moment, min(moment, self.dies_at)
        if until == inf:
            await asyncio.get_running_loop().create_future()
        if until > self.world.now():
            await asyncio.sleep(until - self.world.now())
        if dies:
            self._cut()

    def _cut(self) -> None:
        self.failed = "cut"
        self.tell("was cut")
        raise httpx.ReadError("cut")


class Network:
    """All upstreams. What a call meets depends on the seed, its request, its turn among those, and the time."""

    def __init__(self, world: World, backends: Mapping[str, Backend]) -> None:
        self._world = world
        self._backends = backends
        self.calls: dict[int, list[Call]] = {}

    def begin(self, name: str, own_id: str) -> Call:
        uid = UUID(own_id.removeprefix("req_"))
        serial = serial_of(uid)
        exchange, now = self._world.exchanges[serial], self._world.now()
        if exchange.called_at == inf:
            exchange.called_at, exchange.waited_before = now, exchange.waited
        before = self.calls.setdefault(serial, [])
        label = f"{exchange.label}-{len(before)}"
        turn = self._draw(self._backends[name], label, now)
        call = Call(self._world, name, uid, serial, label, turn, now, self._backends[name].dies_after(now))
        before.append(call)
        self._world.open_calls += 1
        call.tell("is called:", turn.kind, turn.opening, "then", turn.ending)
        return call

    def _draw(self, backend: Backend, label: str, now: float) -> Turn:
        throw = dice(self._world.seed, "call", label, backend.name)
        outage = backend.outage(now)
        if outage is not None:
            turn = bad(throw, backend.name, label, OUTAGES[outage.kind])
        elif throw.chance(backend.faulty):
            turn = bad(throw, backend.name, label)
        else:
            turn = good(throw, backend.name, label)
        return turn.on_the_wire(throw)


class Wire(httpx.AsyncBaseTransport):
    """One process's way to the upstreams."""

    def __init__(self, network: Network, process: Process) -> None:
        self._network = network
        self._process = process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host.partition(".")[0]
        call = self._network.begin(name, request.headers[OWN_ID])
        self._process.called(call)
        patience = request.extensions["timeout"]["connect"]
        try:
            await call.open(patience)
        except BaseException as error:
            call.close(type(error).__name__)
            raise
        headers = RESPONSES.get(call.turn.headers)
        if headers is None:
            headers = RESPONSES[call.turn.headers] = httpx.Headers(call.turn.headers)
        return httpx.Response(call.turn.status, headers=headers, stream=_Body(call))


class _Body(httpx.AsyncByteStream):
    def __init__(self, call: Call) -> None:
        self._call = call
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        if self._call.closed_at is not None:
            raise httpx.ReadError("read after its end")
        try:
            data = await self._call.read()
        except httpx.TransportError:
            self._ended = True
            self._call.close("broke")
            raise
        if not data:
            self._ended = True
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        self._call.close("closed")
