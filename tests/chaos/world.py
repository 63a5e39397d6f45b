"""The product's processes with a breakable line between any two of them that matter.

Beside a running stack: two sandbox upstreams, each with its own truth; a Redis of their own; a shipper and servers that
reach upstreams, Redis and Postgres through fault proxies only.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from tests.chaos.redis_server import RedisServer
from tests.fakes import engines
from tests.fakes.faultproxy import FaultProxy
from tests.fakes.process import Process, free_port
from tests.fakes.sandbox import Upstream
from tests.fakes.stack import DOLLAR, ORDER, UPSTREAM
from tests.fakes.weather import FINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.fakes.stack import Member, Stack

PAGE = os.sysconf("SC_PAGE_SIZE")
PACE = ("--tokens-per-second", "2000", "--first-token-ms", "5")
RECORDS = """
SELECT outcome, upstream, attempts, status, error_code, usage_source,
       prompt_tokens, cached_tokens, completion_tokens, cost_nanos, tries
FROM billing_requestrecord WHERE request_id = %s
"""

PAID = """
SELECT nanos, (SELECT coalesce(sum(cost_nanos), 0) FROM billing_requestrecord r WHERE r.workspace_id = b.workspace_id)
FROM billing_balance b WHERE workspace_id = %s
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger has of one request."""

    outcome: str
    upstream: str
    attempts: int
    status: int
    error_code: str
    usage_source: str
    prompt: int
    cached: int
    completion: int
    cost: int
    told: list[dict[str, Any]] | None  # of each upstream that was asked; none where one was, and it answered

    @property
    def tries(self) -> list[tuple[str, str, int]]:
        """Return each upstream that was asked, its fault, and the status it sent."""
        return [(one["upstream"], one["fault"], one["status"]) for one in self.told or ()]


class Sandbox(Upstream):
    """One sandbox upstream that can be killed; its truth goes on in the same file when it is started again."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.port = free_port()
        self.name = name
        truth = stack.var / f"{name}.truth"
        super().__init__(f"http://127.0.0.1:{self.port}", truth)
        self._stack = stack
        self._command = ("-m", "sandbox.upstream", "--port", str(self.port), "--truth", str(truth), *PACE)
        self._process: Process | None = None

    def start(self) -> None:
        if self._process is not None:
            self.begin_again()
        self._process = self._stack.start(f"sandbox-{self.name}", *self._command)
        self._process.await_http(f"{self.url}/v1/models")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()


@dataclass(frozen=True, slots=True)
class Lines:
    """The proxies, by what is behind them."""

    first: FaultProxy
    second: FaultProxy
    redis: FaultProxy
    postgres: FaultProxy

    @property
    def all(self) -> tuple[FaultProxy, ...]:
        return self.first, self.second, self.redis, self.postgres


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the product's; `base` is its API's address."""

    base: str
    process: Process
    settings: Mapping[str, str]

    def kill(self) -> None:
        if self.process.running:
            self.process.kill()

    def memory(self) -> int:
        """Return the resident set, in bytes."""
        status = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(status[1]) * PAGE


class World:
    def __init__(self, stack: Stack, redis: RedisServer, sandboxes: tuple[Sandbox, Sandbox], lines: Lines) -> None:
        self.stack = stack
        self.redis = redis
        self.first, self.second = sandboxes
        self.lines = lines
        self.journal = stack.var / "journal-of-chaos"
        self.journal.mkdir()
        self._env = {
            "PYLO_JOURNAL_DIR": str(self.journal),
            "PYLO_RETRY_LOOKUP_MS": "100",  # as deployed
            "DATABASE_URL": engines.at_port(stack.env["DATABASE_URL"], lines.postgres.port),
        }
        self._servers: list[Server] = []
        self.shipper = self.stack.start("ship-of-chaos", "manage.py", "ship", env=self._env)

    def server(self, urls: Mapping[str, str] | None = None, /, **settings: str) -> Server:
        """Start a server with breakers and a Redis number of its own; `urls` are its upstreams', else both proxied."""
        number = len(self._servers) + 1
        file = self.stack.var / f"chaos-{number}.toml"
        file.write_text(tables(urls or {ORDER[0]: url(self.lines.first.port), ORDER[1]: url(self.lines.second.port)}))
        own = {
            "PYLO_UPSTREAMS": str(file),
            "DATABASE_URL": engines.at_port(self.stack.apart(f"chaos_{number}"), self.lines.postgres.port),
            "REDIS_URL": f"redis://127.0.0.1:{self.lines.redis.port}/{number}",
        }
        return self._serve(own | settings)

    def beside(self, server: Server) -> Server:
        """Start another process of what `server` is one of."""
        return self._serve(server.settings)

    def _serve(self, settings: Mapping[str, str]) -> Server:
        port = free_port()
        process = self.stack.serve(f"chaos-{len(self._servers) + 1}", port, {**self._env, **settings})
        self._servers.append(Server(f"http://127.0.0.1:{port}/v1", process, settings))
        return self._servers[-1]

    def kill_servers(self) -> None:
        """Kill what runs; what it did not write down the shipper closes."""
        for each in self._servers:
            each.kill()

    def calm(self) -> None:
        """End all faults."""
        for line in self.lines.all:
            line.set(FINE)
        for each in (self.first, self.second):
            each.heal()

    @contextmanager
    def read_only_postgres(self) -> Iterator[None]:
        """Let every new connection to the stack's database read only."""
        url = self.stack.env["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
            alter = sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(url.rpartition("/")[2]))
            connection.execute(alter + sql.SQL("SET default_transaction_read_only = on"))
            try:
                yield
            finally:
                connection.execute(alter + sql.SQL("RESET default_transaction_read_only"))

    def records(self, request_id: str) -> list[Record]:
        return [Record(*row) for row in self.stack.sql(RECORDS, request_id)]

    def record(self, request_id: str) -> Record:
        """Return the one record of a request, once it has been shipped."""
        (found,) = self.stack.eventually(lambda: self.records(request_id))
        return found

    def unpaid(self, member: Member) -> int:
        """Return by how many nano-dollars the balance differs from the credit less what the records cost."""
        ((balance, cost),) = self.stack.sql(PAID, member.workspace)
        return int(balance) + int(cost) - member.credit * DOLLAR

    def at_hand(self, server: Server, member: Member) -> int:
        """Return how many processes of the server's Redis have something of the balance at hand."""
        with redis.Redis.from_url(server.settings["REDIS_URL"], decode_responses=True) as client:
            purse = client.hgetall(f"pylo:purse:{member.workspace.replace('-', '')}:balance")
        return sum(name[0] == "e" and ":" in name and int(nanos) > 0 for name, nanos in purse.items())


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


def tables(urls: Mapping[str, str]) -> str:
    """Write the file of upstreams. Among those of weight 0 the order of the file decides, and no chance."""
    return "\n".join(
        f"{UPSTREAM.format(name=name, dialect='moonshot', url=at, priority=1)}weight = 0\n" for name, at in urls.items()
    )


@contextmanager
def broken_world(stack: Stack) -> Iterator[World]:
    """Start what stands beside `stack`, and end what does not end with it."""
    redis = RedisServer(stack.env["PATH"], stack.var / "redis-of-chaos.log")
    sandboxes = Sandbox(stack, ORDER[0]), Sandbox(stack, ORDER[1])
    redis.start()
    for each in sandboxes:
        each.start()
    postgres = urlsplit(stack.env["DATABASE_URL"]).port or 5432
    lines = Lines(*(FaultProxy.start(port) for port in (sandboxes[0].port, sandboxes[1].port, redis.port, postgres)))
    try:
        world = World(stack, redis, sandboxes, lines)
        yield world
        world.kill_servers()
        world.shipper.kill()
    finally:
        for line in lines.all:
            line.stop()
        redis.stop()
