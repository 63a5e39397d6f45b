"""A private Valkey or Redis: run in the foreground as our child. What is in it may be lost at any moment."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from pylo_site.local import places as place
from pylo_site.local.children import Engine, command, spawn, wait_until_ready
from pylo_site.local.ports import LOOPBACK, free
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server: its program, its folder, whose it is."""

    program: Path
    data: Path
    run: Path
    uid: int | None
    password: str
    environment: dict[str, str]

    def start(self) -> Engine:
        """Start it; a folder it cannot read back is put aside, for it holds nothing that is not elsewhere too."""
        place.own_folder(self.data, self.uid)
        try:
            return self._start()
        except Trouble:
            aside = self.data.with_name(self.data.name + ".broken")
            shutil.rmtree(aside, ignore_errors=True)
            self.data.rename(aside)
            place.own_folder(self.data, self.uid)
            return self._start()

    def _start(self) -> Engine:
        port = free()
        settings = {
            "bind": LOOPBACK,
            "port": port,
            "dir": f'"{self.data}"',
            "requirepass": self.password,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "loglevel": "warning",
        }
        configuration = "".join(f"{name} {value}\n" for name, value in settings.items())
        launcher = command([self.program, "-"], uid=self.uid, pidfile=self.run / "valkey.pid")
        # The configuration goes in by stdin: arguments are everybody's to read.
        process = spawn(launcher, cwd=self.data, environment=self.environment, stdin=configuration.encode())
        url = f"redis://:{self.password}@{LOOPBACK}:{port}/0"
        engine = Engine("valkey", process, url, stop_with=signal.SIGTERM)
        try:
            wait_until_ready(engine, lambda: _ready(url))
        except BaseException:
            engine.stop()
            raise
        return engine


def _ready(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
