"""Tells the other processes about once a second what this one saw of the upstreams, and hears what they saw.

It stands beside the requests: none waits for it, and each process decides alone. While the meeting place cannot be
reached a process goes by what it saw itself, and probes for itself.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.breaker.views import Counts, State
from gateway.ports import StoreUnavailable, Telling, Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.ports import Clock, FleetStore, Heard
    from gateway.routing import Routing

TICK_SECONDS = 1.0
JITTER = 0.2  # of a tick, so that processes that were started together spread out; never longer than a tick

log = logging.getLogger("pylo.gateway")


class Fleet:
    """One process among those that serve the same upstreams.

    `draw` gives numbers from 0 to 1; `ordered` is called when an operator has drained or restored something.
    """

    def __init__(  # noqa: PLR0913 - a process's name, and what it needs of the world
        self,
        routing: Routing,
        store: FleetStore,
        clock: Clock,
        *,
        host: str,
        process: str,
        draw: Callable[[], float],
        ordered: Callable[[], None],
    ) -> None:
        self._routing = routing
        self._store = store
        self._clock = clock
        self._host = host
        self._process = process
        self._draw = draw
        self._ordered = ordered
        self._ticks = 0
        self._orders: int | None = None
        self._epochs: dict[str, int] = {}
        self._leased: set[str] = set()  # upstreams whose one probe is ours
        self._recovered: set[str] = set()  # upstreams that our probes found well; kept until it is told

    async def run(self) -> None:
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - without this loop what is open would stay so for good
                crash = type(error).__qualname__
                log.error("an exchange with other processes failed", extra={"crash": crash})  # noqa: TRY400 - no values
                self._go_alone(self._clock.seconds())
            await asyncio.sleep(TICK_SECONDS * (1 - JITTER * self._draw()))

    async def tick(self) -> None:
        try:
            heard = await self._store.exchange(self._told(self._clock.seconds()))
        except StoreUnavailable:
            self._go_alone(self._clock.seconds())  # what this telling counted is lost to the others: better than twice
            return
        self._take_in(heard, self._clock.seconds())
        try:
            await self._lease_probes()
        except StoreUnavailable:
            return  # the next tick will know whether we are alone

    def _told(self, now: float) -> Told:
        self._ticks += 1
        views = self._routing.views(now)
        closed = {view.name for view in views if view.state is State.CLOSED}
        self._recovered = closed & (self._recovered | {*self._routing.take_recovered()})
        counts, published = self._routing.take_counts(now), self._routing.published(now)
        tellings = {
            view.name: Telling(
                counts=counts.get(view.name, Counts()),
                open=published.get(view.name),
                epoch=self._epochs.get(view.name, 0),
                recovered=view.name in self._recovered,
            )
            for view in views
        }
        return Told(host=self._host, process=self._process, tick=self._ticks, views=views, upstreams=tellings)

    def _go_alone(self, now: float) -> None:
        for name in self._routing.wants_probe(now):
            self._routing.grant_probe(name, now)

    def _take_in(self, heard: Heard, now: float) -> None:
        for name, view in heard.views.items():
            epoch = heard.epochs[name]
            known = self._epochs.get(name, epoch)
            others = epoch > known and name not in self._recovered
            self._epochs[name] = max(epoch, known)
            self._routing.adopt(name, replace(view, recovered=others), now)
        self._recovered.clear()
        if self._orders not in (None, heard.orders):
            self._ordered()
        self._orders = heard.orders

    async def _lease_probes(self) -> None:
        now = self._clock.seconds()
        holder = f"{self._host}:{self._process}"
        half_open = {view.name for view in self._routing.views(now) if view.state is State.HALF_OPEN}
        for name in sorted(self._leased - half_open):  # after it was told what the probes found
            await self._store.free_probe(name, holder)
            self._leased.discard(name)
        for name in self._routing.wants_probe(now):
            if await self._store.lease_probe(name, holder):
                self._leased.add(name)
                self._routing.grant_probe(name, self._clock.seconds())
