"""The loop itself: the product under load while each of its processes and engines is killed at random."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.chaos.redis_server import RedisServer
from tests.fakes import stack as product
from tests.fakes.process import ROOT, free_port
from tests.fakes.stack import CALM, UPSTREAM
from tests.killloop.clients import Clients, table
from tests.killloop.postgres_server import PostgresServer
from tests.killloop.verdict import Row, judge
from tests.killloop.victims import Killer, Victim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.fakes.process import Process
    from tests.fakes.stack import Member, Stack
    from tests.killloop.verdict import Verdict

CLIENTS: Final = 40
MEMBERS: Final = 4
CREDIT: Final = 10_000  # dollars
PACE: Final = 100  # tokens a second of one answer, so that kills come amid them
REPLAYS: Final = 3
MOST_STARTS: Final = 10
MOST_STRIKES: Final = 8  # at once
SETTLES_WITHIN: Final = 60.0  # seconds after the last kill
DIALECTS: Final = ("moonshot", "vllm")  # usage at the end, and usage all along
ROWS: Final = """
SELECT uid::text, request_id, workspace_id::text, outcome, usage_source, prompt_tokens, completion_tokens, cost_nanos
FROM billing_requestrecord
"""
UNPAID: Final = """
SELECT workspace_id::text, nanos + coalesce((
    SELECT sum(cost_nanos) FROM billing_requestrecord r WHERE r.workspace_id = b.workspace_id
), 0)::int8 - %s FROM billing_balance b
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A product with a fault of its own. `server` and `shipper` are what runs in the place of the real ones."""

    name: str = ""
    server: tuple[str, ...] = ("-m", "pylo_site.server")
    shipper: tuple[str, ...] = ("manage.py", "ship")
    sql: tuple[str, ...] = ()  # done to the database before anything runs


@dataclass(slots=True)
class Report:
    verdict: Verdict
    figures: dict[str, int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"| {name} | {value} |" for name, value in self.figures.items()]
        return "\n".join(["| what | |", "|---|---|", *lines, *self.verdict.findings[:20]])


def run(var: Path, *, seconds: float, seed: int, mutant: Mutant | None = None) -> Report:
    """Start everything, kill for so many seconds, let it settle, replay, and compare."""
    mutant, path = mutant or Mutant(), os.environ["PATH"]
    with ExitStack() as cleanup:
        postgres = PostgresServer(var / "postgres", path)
        cleanup.callback(postgres.stop)
        redis = RedisServer(path, var / "redis.log")
        redis.start()
        cleanup.callback(redis.stop)
        (var / "product").mkdir()
        environ = {"PATH": path, "DATABASE_URL": postgres.url, "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
        stack = cleanup.enter_context(product.running_on(var / "product", environ=environ, tokens_per_second=PACE))
        return Loop(stack, postgres, redis, mutant, seed).run(seconds)


class Loop:
    def __init__(self, stack: Stack, postgres: PostgresServer, redis: RedisServer, mutant: Mutant, seed: int) -> None:
        self._stack = stack
        self._postgres = postgres
        self._redis = redis
        self._mutant = mutant
        self._seed = seed
        self._dice = random.Random(seed)
        self._kept = stack.var / "kept"
        self._running: dict[str, Process] = {}
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(MOST_STRIKES)

    def run(self, seconds: float) -> Report:
        with self._pool:
            return self._run(seconds)

    def _run(self, seconds: float) -> Report:
        stack = self._stack
        for process in stack.processes:
            if process.name in {"server", "ship"}:
                process.kill()
        for statement in self._mutant.sql:
            stack.manage(
                "shell",
                "--no-imports",
                "-c",
                f"from django.db import connection as c; c.cursor().execute({statement!r})",
            )
        members = stack.members(MEMBERS, credit=CREDIT)
        ports = (free_port(), free_port())
        victims = self._start_all(ports)
        killer = Killer(victims, self._dice, self._pool)
        clients = Clients(ports, members, self._seed)
        keeping = threading.Thread(target=self._keep_segments)
        killing = threading.Thread(target=killer.run, args=(self._over,))
        keeping.start()
        killing.start()
        until = time.monotonic() + seconds
        try:
            asyncio.run(clients.ask(CLIENTS, lambda: time.monotonic() > until))
        finally:
            self._over.set()
            killing.join()
            keeping.join()
        return self._compare(clients, killer, members)

    def _start_all(self, ports: Sequence[int]) -> list[Victim]:
        file = self._stack.var / "two.toml"
        file.write_text(
            "\n".join(
                UPSTREAM.format(name=dialect, dialect=dialect, url=self._stack.upstream.base_url(dialect), priority=1)
                for dialect in DIALECTS
            )
        )
        env = {"PYLO_UPSTREAMS": str(file), "PYLO_BREAKER": CALM, "PYLO_PROCESSES": "2"}
        commands: dict[str, tuple[str, ...]] = {
            "shipper": self._mutant.shipper,
            "worker": ("-m", "celery", "-A", "pylo_site", "worker", "--concurrency", "1", "--pool", "solo"),
            "beat": ("-m", "celery", "-A", "pylo_site", "beat", "--schedule", str(self._stack.var / "beat")),
        }
        victims = [self._program(kind, kind, lambda: None, *command) for kind, command in commands.items()]
        for number, port in enumerate(ports):
            command = (*self._mutant.server, "-b", "127.0.0.1", "-p", str(port))
            name = f"gateway-{number}"
            victims.append(self._program("gateway", name, self._answers(name, port), *command, env=env))
        for victim in victims:
            victim._start()
        return [
            *victims,
            Victim("redis", self._redis.kill, self._redis.start),
            Victim("postgres", self._postgres.kill, self._postgres.start),
        ]

    def _program(
        self, kind: str, name: str, up: Callable[[], object], *command: str, env: Mapping[str, str] | None = None
    ) -> Victim:
        def start() -> None:
            """Start it as a supervisor does: again, where it finds its engines away and ends."""
            for _ in range(MOST_STARTS):
                self._running[name] = self._stack.start(name, *command, env=env)
                try:
                    up()
                except AssertionError:
                    continue
                return
            raise AssertionError(f"{name} does not come up")

        return Victim(kind, self._kill(name), start)

    def _kill(self, name: str) -> Callable[[], object]:
        def kill() -> None:
            with suppress(ProcessLookupError):  # it has ended by itself
                self._running[name].kill()

        return kill

    def _answers(self, name: str, port: int) -> Callable[[], object]:
        return lambda: self._running[name].await_http(f"http://127.0.0.1:{port}/health", quietly=True)

    def _keep_segments(self) -> None:
        """Link every segment there is, so that what is shipped and deleted can be shipped again."""
        journal = self._stack.var / "journal"
        while not self._over.wait(0.1):
            with suppress(FileNotFoundError):  # a folder went while it was read: the rest has its turn next time
                for segment in journal.glob("*/*/*.log"):
                    self._keep(segment, self._kept / segment.relative_to(journal))

    def _keep(self, segment: Path, kept: Path) -> None:
        with suppress(FileExistsError, FileNotFoundError):  # kept already, or shipped meanwhile
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.hardlink_to(segment)

    def _compare(self, clients: Clients, killer: Killer, members: Sequence[Member]) -> Report:
        stack = self._stack
        for name, process in self._running.items():
            if name.startswith("gateway"):
                process.stop()
        stack.eventually(self._all_shipped, within=SETTLES_WITHIN)
        before = stack.sql("SELECT count(*), sum(cost_nanos)::int8 FROM billing_requestrecord")
        for number in range(REPLAYS):
            self._replay(number)
        rows = [Row(*row) for row in stack.sql(ROWS)]
        verdict = judge(clients.seen, stack.upstream.calls(), rows)
        if stack.sql("SELECT count(*), sum(cost_nanos)::int8 FROM billing_requestrecord") != before:
            verdict.finds("double", "the replay", "changed the records")
        for workspace, off in stack.sql(UNPAID, CREDIT * product.DOLLAR):
            if off and workspace in {member.workspace for member in members}:
                verdict.finds("balance", workspace, f"off by {off} n$")
        self._reconcile(verdict)
        for failure in killer.failures:
            verdict.finds("harness", "a victim did not come back", failure)
        kills = {f"killed: {kind}": count for kind, count in sorted(killer.kills.items())}
        ends = {f"clients: {end}": count for end, count in table(clients.seen).items()}
        return Report(
            verdict, {"seed": self._seed, **kills, **ends, **verdict.figures, "findings": len(verdict.findings)}
        )

    def _all_shipped(self) -> bool:
        return not any((self._stack.var / "journal").glob("*/*/*.log"))

    def _replay(self, number: int) -> None:
        root = self._stack.var / f"replay-{number}"
        shutil.copytree(self._kept, root)
        env = self._stack.env | {"PYLO_JOURNAL_DIR": str(root)}
        command = [sys.executable, *self._mutant.shipper, "--once"]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr

    def _reconcile(self, verdict: Verdict) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "reconcile"],
            cwd=ROOT,
            env=self._stack.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            verdict.finds("reconcile", "the books", *(done.stdout or done.stderr).splitlines()[:5])
