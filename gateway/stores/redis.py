"""Redis as the request path asks it: scripts, on one connection, with little patience and no waiting while it is away.

redis-py is for what waits; it takes ten times the CPU a call (docs/decisions/0014-limits.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.asyncio import ConnectionPool, SSLConnection
from redis.asyncio.connection import UnixDomainSocketConnection

from gateway.ports import StoreUnavailable
from gateway.stores.resp import Link, Refusal

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.stores.resp import Word

PATIENCE = 0.04  # seconds; a late answer costs a request no more than 50 ms
CONNECT_SECONDS = 2.0
PING_SECONDS = 1.0  # so that a Redis that went away is mostly noticed by the ping, not by a request
AGAIN_SECONDS = (0.25, 2.0)  # after a link that did not last: doubled from the first up to the second
LASTING_SECONDS = 10.0
PING = ("SET", "pylo:ping", 1, "EX", 60)  # a write: a replica answers reads, and is of no use
AWAY = frozenset(
    (
        *("READONLY", "LOADING", "BUSY", "OOM", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS"),
        *("NOAUTH", "NOPERM", "WRONGPASS"),
    )
)

log = logging.getLogger("pylo.gateway")


@dataclass(frozen=True, slots=True)
class Script:
    """Lua that Redis runs as one step. Made once, at import or start: its digest is what goes over the wire."""

    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()  # Redis's name for it
        object.__setattr__(self, "sha", digest)


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis URL, read by redis-py, so that it means the same here as everywhere else."""

    url: str = field(repr=False)

    async def link(self, patience: float) -> Link:
        """Connect, log in, choose the numbered database and write; raise `StoreUnavailable` if any of it fails."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                link = await self._connected(patience)
        except (OSError, ValueError) as error:  # a timeout too; a TLS error is an OSError
            raise StoreUnavailable(type(error).__name__) from None
        try:
            for words in self._greeting():
                await accepted(link, words, CONNECT_SECONDS)
            await accepted(link, PING)
        except BaseException:
            link.drop("not opened")
            raise
        return link

    def _there(self) -> Any:
        return ConnectionPool.from_url(self.url).make_connection()  # type: ignore[no-untyped-call]

    async def _connected(self, patience: float) -> Link:
        loop = asyncio.get_running_loop()
        there = self._there()
        if isinstance(there, UnixDomainSocketConnection):
            _, link = await loop.create_unix_connection(lambda: Link(patience), there.path)
            return link
        tls = there.ssl_context.get() if isinstance(there, SSLConnection) else None
        _, link = await loop.create_connection(lambda: Link(patience), there.host, int(there.port), ssl=tls)
        return link

    def _greeting(self) -> list[tuple[Word, ...]]:
        there = self._there()
        login = [part for part in (there.username, there.password) if part]
        words: list[tuple[Word, ...]] = [("CLIENT", "SETNAME", there.client_name or "pylo-gateway")]
        if there.db:
            words.insert(0, ("SELECT", there.db))
        if login:
            words.insert(0, ("AUTH", *login))
        return words


async def accepted(link: Link, words: Sequence[Word], patience: float = 0.0) -> None:
    """Raise `StoreUnavailable`, and drop the link, unless Redis takes the command in time."""
    reply = await link.ask(words, patience)
    if isinstance(reply, Refusal):
        link.drop(reply.code)
        raise StoreUnavailable(reply.code)


def _refused(link: Link, refusal: Refusal) -> None:
    """Leave a Redis that cannot work now; any other error is a script's own, and no more than logged."""
    if refusal.code in AWAY:
        link.drop(refusal.code)
    else:
        log.error("a script failed on Redis", extra={"crash": refusal.code})


class Redis:
    """A process's Redis. `keep` makes its connection, and makes it again; until it has, every call fails at once."""

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._server = Server(url)
        self._patience = patience
        self._link: Link | None = None
        self.welcome: Callable[[Link], Awaitable[None]] | None = None  # has a new connection to itself first
        self._tried = asyncio.Event()

    @property
    def away(self) -> bool:
        return self._link is None or self._link.lost.done()

    @property
    def link(self) -> Link | None:
        return self._link

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[Word],
        heard: Callable[[Any], None] | None = None,
    ) -> Any:
        """Return the script's reply: int, bytes, None or a list of those. `heard` has it at once, or a `Refusal`.

        Raise `StoreUnavailable` after at most the patience of two calls, the second one only where Redis has forgotten
        the script; at once while Redis is known to be away.
        """
        link = self._link
        if link is None:
            raise StoreUnavailable("away")
        reply = await link.ask(("EVALSHA", script.sha, len(keys), *keys, *args), heard=heard)
        if not isinstance(reply, Refusal):
            return reply
        if reply.code == "NOSCRIPT":
            reply = await link.ask(("EVAL", script.source, len(keys), *keys, *args), heard=heard)
            if not isinstance(reply, Refusal):
                return reply
        _refused(link, reply)
        raise StoreUnavailable(reply.code)

    def post(self, script: Script, keys: Sequence[str], args: Sequence[Word]) -> None:
        """Run a script that nobody waits for, after all that was asked before. Where it cannot run it is forgotten."""
        link = self._link
        if link is None:
            return
        words = (len(keys), *keys, *args)

        def replied(asked: Future[Any]) -> None:
            reply = None if asked.cancelled() or asked.exception() else asked.result()
            if not isinstance(reply, Refusal):
                return
            if reply.code == "NOSCRIPT":
                link.ask(("EVAL", script.source, *words)).add_done_callback(heard)
            else:
                _refused(link, reply)

        def heard(asked: Future[Any]) -> None:
            if not asked.cancelled() and not asked.exception() and isinstance(reply := asked.result(), Refusal):
                _refused(link, reply)

        link.ask(("EVALSHA", script.sha, *words)).add_done_callback(replied)

    async def tried(self) -> None:
        """Return once `keep` has connected, or failed to, for the first time."""
        await self._tried.wait()

    async def keep(self) -> None:
        """Connect, ping, connect again, until cancelled. The only one who waits for Redis."""
        loop = asyncio.get_running_loop()
        first, most = AGAIN_SECONDS
        pause, told = first / 2, ""
        while True:
            since = loop.time()
            try:
                link = await self._server.link(self._patience)
                try:
                    if self.welcome is not None:
                        await self.welcome(link)
                except BaseException:
                    link.drop("not welcome")
                    raise
                self._link = link  # within one turn: what is asked of it is behind its welcome
                log.log(logging.WARNING if told else logging.DEBUG, "Redis answers")
                told = ""
                self._tried.set()
                await self._until_lost(self._link)
            except StoreUnavailable as error:
                if str(error) != told:  # once an outage, not once a try
                    told = str(error)
                    log.warning("Redis is away", extra={"crash": told})
            finally:
                self._tried.set()
                self._drop()
            pause = first if loop.time() - since > LASTING_SECONDS else min(pause * 2, most)
            await asyncio.sleep(pause)

    def _drop(self) -> None:
        if self._link is not None:
            self._link.drop("closed")
            self._link = None

    async def _until_lost(self, link: Link) -> None:
        """Ping the link until it is lost, and raise `StoreUnavailable` then."""
        while True:
            await asyncio.wait((link.lost,), timeout=PING_SECONDS)
            if link.lost.done():
                raise StoreUnavailable(link.lost.result())
            await accepted(link, PING)
