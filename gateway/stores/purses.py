"""Purses in Redis: what is left, what is held, and by which process. Redis may lose all of it at any moment.

A purse is a hash: `left` and `version` as Postgres had them, `total` of all that is held, and for each process `n…`,
its number, and `e…`, what of that is escrow. It gives money only where it is `made` in this life of Redis (`epoch`):
before that a number that somebody has not yet told again might be missing.

One connection carries everything in order, so a process's number there is its memory, but for what is on the way. It is
named for the process and its generation, which begins with each connection and each telling of everything: what an
older connection still delivers changes nothing that counts, and is swept away.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from gateway.ports import StoreUnavailable
from gateway.purse_ports import AnotherLife, Refreshed
from gateway.stores.purse_scripts import EPOCH, JOIN, REFRESH, SCRIPTS, TELL
from gateway.stores.redis import CONNECT_SECONDS, accepted
from gateway.stores.resp import Refusal

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    from gateway.holds import Holds
    from gateway.purse_ports import Refreshing
    from gateway.stores.redis import Redis
    from gateway.stores.resp import Link, Word

PREFIX = "pylo:purse:"
LIVES = ["pylo:purses:epoch", "pylo:purses:told"]
TOLD_AT_ONCE = 100


class RedisPurses:
    """A `PurseStore`. `writer` names this process as its journal does; `holds` is its memory."""

    def __init__(self, redis: Redis, writer: str, holds: Holds) -> None:
        self._redis = redis
        self._writer = writer
        self._holds = holds
        self._generation = 0
        self._lost = False
        self.epoch = b""
        self.scripts = [*SCRIPTS]  # which a connection brings, so that none has to be sent twice, behind others
        redis.welcome = self.welcome

    @property
    def away(self) -> bool:
        return self._redis.away

    @property
    def joined(self) -> bool:
        return not self._lost and not self._redis.away

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def name(self) -> str:
        """What this process's number is kept under."""
        return f"{self._writer}:{self._generation}"

    async def welcome(self, link: Link) -> None:
        """Tell a new connection everything, before anybody else is given it."""
        for script in self.scripts:
            await accepted(link, ("SCRIPT", "LOAD", script.source), CONNECT_SECONDS)
        epoch = await link.ask(("EVALSHA", EPOCH.sha, len(LIVES), *LIVES, secrets.token_hex(8)), CONNECT_SECONDS)
        if isinstance(epoch, Refusal):
            link.drop(epoch.code)
            raise StoreUnavailable(epoch.code)
        self._tell(link, epoch)

    def lose(self) -> None:
        self._lost = True

    async def rejoin(self) -> None:
        """Tell everything again: Redis has lost something."""
        epoch = await self._redis.run(EPOCH, LIVES, [secrets.token_hex(8)])
        link = self._redis.link
        if link is None:
            raise StoreUnavailable("away")
        self._tell(link, epoch)

    async def refresh(self, refreshing: Refreshing, heard: Callable[[Refreshed], None]) -> Refreshed:
        generation = self._generation
        words: list[Word] = [
            *(self.epoch, self._writer, self.name, refreshing.version, int(refreshing.may_make)),
            *(refreshing.least, len(refreshing.writers), len(refreshing.buried)),
            *(*refreshing.writers, *refreshing.buried),
        ]
        for line in refreshing.lines:
            words += ["" if line.left is None else line.left, line.recorded, line.escrow, line.parts]

        def hear(reply: Any) -> None:
            if not isinstance(reply, Refusal) and reply[0] and generation == self._generation:
                heard(_refreshed(reply))

        reply = await self._redis.run(
            REFRESH, [*LIVES, *(PREFIX + line.purse for line in refreshing.lines)], words, hear
        )
        if generation != self._generation:
            raise StoreUnavailable("told anew meanwhile")
        if not reply[0]:
            self._lost = True
            raise AnotherLife
        return _refreshed(reply)

    def _tell(self, link: Link, epoch: bytes) -> None:
        """Send every number, and then the name. Nothing is waited for: whatever follows is behind it."""
        self.epoch = epoch
        self._generation += 1
        self._lost = False
        generation = self._generation

        def heard(reply: Any) -> None:
            if isinstance(reply, Refusal):
                link.drop(reply.code)
            elif not reply and generation == self._generation:
                self._lost = True

        head = (epoch, self._writer, self._generation)
        everything = list(self._holds.numbers())
        for start in range(0, len(everything), TOLD_AT_ONCE):
            some = everything[start : start + TOLD_AT_ONCE]
            keys = [LIVES[0], *(PREFIX + purse for purse, _ in some)]
            numbers = [number for _, own in some for number in (own.number, own.escrow)]
            told = link.ask(("EVALSHA", TELL.sha, len(keys), *keys, *head, *numbers), heard=heard)
            told.add_done_callback(_lost_with_its_link)
        joined = link.ask(("EVALSHA", JOIN.sha, len(LIVES), *LIVES, epoch, self._writer), heard=heard)
        joined.add_done_callback(_lost_with_its_link)


def _lost_with_its_link(told: Future[Any]) -> None:
    """Take note of what nobody waits for."""
    if not told.cancelled():
        told.exception()


def _refreshed(reply: list[Any]) -> Refreshed:
    _, complete, escrows, numbers, made, strangers = reply
    return Refreshed(
        complete=bool(complete),
        escrow=tuple(escrows),
        numbers=tuple(numbers),
        made=tuple(map(bool, made)),
        strangers=tuple(stranger.decode() for stranger in strangers),
    )
