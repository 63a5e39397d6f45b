"""A client as the server's side sees it: a body that comes in time or late, a reader, and a hang-up at any moment."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from functools import cache
from math import inf
from typing import TYPE_CHECKING

from gateway.errors import BrokenOff
from tests.simulation.plans import LONG

if TYPE_CHECKING:
    from gateway.asgi import Message
    from tests.simulation.plans import ClientPlan
    from tests.simulation.processes import Process
    from tests.simulation.world import World

STALLS_AFTER = 30.0  # seconds without progress, then the server gives a client up
MODEL = "moonshotai/kimi-k2.6"
DISCONNECT: Message = {"type": "http.disconnect"}
AGAIN = 0.5


class Disconnected(ConnectionError):  # noqa: N818 - the server's word
    """As the server raises it."""


@dataclass(slots=True)
class Exchange:
    """One inbound HTTP request: what came of it, with the times. `label` is the client's number."""

    world: World
    serial: int
    plan: ClientPlan
    request_id: str
    body: bytes
    process: Process
    arrived_at: float
    told_at: float = inf  # its body was read
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    called_at: float = inf  # an upstream, for the first time
    waited_before: float = 0.0  # of `waited`, before that
    token_at: float = inf
    complete: bool = False
    cut: bool = False  # by the server, amid its answer
    dead: bool = False  # the process died
    gone_at: float = inf
    ended_at: float = inf
    slow: bool = False  # the gateway had to wait for it
    waited: float = 0.0  # seconds that it waited for the journal
    over: asyncio.Event = field(default_factory=asyncio.Event)  # for the client: answered, cut, or gone
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def label(self) -> str:
        return f"{self.plan.index}"

    @property
    def gone(self) -> bool:
        return self.gone_at < inf

    def tell(self, *what: object) -> None:
        self.world.trace.add(self.world.now(), self.serial, f"client {self.label}", *what)

    def leave(self, why: str) -> None:
        if not self.gone and not self.complete and self.ended_at == inf:
            self.gone_at = self.world.now()
            self.tell(why)
            self._gone.set()
            self.over.set()

    async def receive(self) -> Message:
        if self.gone or self.complete:
            return DISCONNECT
        if self.told_at == inf:
            if self.plan.uploads_for:
                await self._for(self.plan.uploads_for)
                if self.gone:
                    return DISCONNECT
            self.told_at = self.world.now()
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self._gone.wait()
        return DISCONNECT

    async def send(self, message: Message) -> None:
        if self.gone:
            raise Disconnected
        if self.complete:
            self.world.broken("answer", "something is sent after the end", self.serial)
        if message["type"] == "http.response.start":
            if self.status:
                self.world.broken("answer", "a second status is sent", self.serial)
            self.status, self.headers = message["status"], dict(message["headers"])
            self.tell("is told", self.status)
            return
        await self._take(message["body"], more=message["more_body"])

    async def _take(self, data: bytes, *, more: bool) -> None:
        self.received.append(data)
        if self.token_at == inf and b"~" in data:
            self.token_at = self.world.now()
            self.tell("has its first token")
        if not more:
            self.complete = True
            self.tell("has all of its answer")
            self._gone.set()
        elif len(self.received) == self.plan.leaves_at_chunk:
            self.leave("leaves amid the answer")
        elif self.plan.reads_after:
            self.slow = True
            await self._for(self.plan.reads_after)
            if self.gone:
                raise Disconnected

    async def _for(self, seconds: float) -> None:
        """Wait, but for a hang-up; a client that takes nothing is given up."""
        try:
            async with asyncio.timeout(min(seconds, STALLS_AFTER)):
                await self._gone.wait()
        except TimeoutError:
            if seconds >= STALLS_AFTER:
                self.leave("is given up by the server")

    async def serve(self) -> None:
        """Have the process answer; whatever becomes of it, it ends here."""
        leaving = None
        if self.plan.leaves_after < inf:
            loop = asyncio.get_running_loop()
            leaving = loop.call_later(self.plan.leaves_after, self.leave, "leaves")
        try:
            await self.process.gateway(self._scope(), self.receive, self.send)
        except BrokenOff:
            self.cut = True
        except asyncio.CancelledError:
            if not self.process.dead:
                raise
            self.dead = True
        finally:
            if leaving is not None:
                leaving.cancel()
            self.ended_at = self.world.now()
            self.over.set()
            self.tell(f"is done with: {'complete' if self.complete else 'cut' if self.cut else 'no more'}")

    def _scope(self) -> Message:
        headers = [*self.world.headers, (b"content-length", b"%d" % len(self.body))]
        if self.plan.named:
            headers.append((b"x-request-id", self.request_id.encode()))
        return {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}


async def act(world: World, plan: ClientPlan) -> None:
    """Send the request, and again where the answer says that this helps, as often as this client would."""
    await asyncio.sleep(plan.at)
    body, request_id = _body(plan.index, plan.stream, plan.usage, plan.hides, plan.long), f"trace-{plan.index}"
    if plan.twice:
        world.send(plan, request_id, body)
        await asyncio.sleep(plan.index % 7 * 0.1)
    for number in range(plan.tries):
        exchange = world.send(plan, request_id, body)
        if exchange is not None:
            await exchange.over.wait()
            if not _helps(exchange):
                return
        if number + 1 < plan.tries:
            after = exchange.headers.get(b"retry-after") if exchange is not None else None
            await asyncio.sleep(float(after) if after else AGAIN)


def _helps(exchange: Exchange) -> bool:
    """Whether a client sends its request again: broken connections, and refusals that say so."""
    if exchange.dead or exchange.cut or exchange.gone:
        return True
    return exchange.status >= 400 and exchange.headers.get(b"x-should-retry") == b"true"


@cache
def _body(index: int, stream: bool, usage: bool, hides: bool, long: bool) -> bytes:  # noqa: FBT001 - of a cache
    words = f"#{index} " + ("lorem ipsum " * (LONG // 12) if long else "Say something.")
    body: dict[str, object] = {"model": MODEL, "messages": [{"role": "user", "content": words}]}
    if stream:
        body["stream"] = True
    if stream and usage:
        body["stream_options"] = {"include_usage": True}
    if hides:
        body["reasoning"] = {"exclude": True}
    return json.dumps(body).encode()
