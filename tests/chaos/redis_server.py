"""A Redis of the tests' own, that they may kill, flush, block and make read-only; it keeps nothing."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import redis

from pylo_site.local import binaries
from tests.fakes.process import Process, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBERS = 256
ENDLESS = "while true do end"
BUSY_AFTER_MS = 20  # so long a script may run before others are told BUSY


class RedisServer:
    def __init__(self, path: str, log: Path) -> None:
        program = binaries.redis(binaries.Search(path))
        assert program is not None, "no Valkey and no Redis on this machine"
        self.port = free_port()
        self._command = [
            str(program.path),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
            *("--databases", str(NUMBERS), "--busy-reply-threshold", str(BUSY_AFTER_MS), "--dir", str(log.parent)),
        ]
        self._log = log
        self._process: Process | None = None

    def start(self) -> None:
        """Start it, empty."""
        self._process = Process.start("redis", self._command, env={}, log=self._log)
        while not self.answers():
            self._process.must_run_for(0.02)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self, number: int = 0) -> redis.Redis:
        return redis.Redis(port=self.port, db=number, socket_timeout=5)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.stop()

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """It serves reads and refuses writes, as a replica does whose master is gone."""
        with self.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", "1")
            try:
                yield
            finally:
                client.execute_command("REPLICAOF", "NO", "ONE")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A script of somebody's runs for ever: everybody else is told BUSY."""
        running = threading.Thread(target=self._run_for_ever)
        running.start()
        try:
            while self.answers():
                pass
            yield
        finally:
            with self.client() as client:
                client.execute_command("SCRIPT", "KILL")
            running.join()

    def _run_for_ever(self) -> None:
        with suppress(redis.RedisError), redis.Redis(port=self.port, socket_timeout=600) as client:
            client.eval(ENDLESS, 0)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
