"""A private installation in a folder that every user may enter, and `bin/serve` on it with stand-in processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pylo_site.local.ports import free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).with_name("house.py")


def eventually(condition: Callable[[], bool], what: str, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class House:
    """One run of the whole, in its own process; its log goes to a file."""

    def __init__(self, var: Path, *, port: int, falling: bool) -> None:
        self.var, self.port = var, port
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by end()
        words = [sys.executable, str(PROGRAM), str(var), str(port), *(["falling"] if falling else [])]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            words, env=environment, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def up(self) -> House:
        eventually(lambda: "Pylo is up" in self.log() or self.process.poll() is not None, "the start")
        assert self.process.poll() is None, self.log()
        return self

    def ended(self) -> int:
        return self.process.wait(30)

    def pid(self, name: str) -> int:
        return int((self.var / "run" / f"{name}.pid").read_text().split()[0])

    def pids(self) -> list[int]:
        return [int(note.read_text().split()[0]) for note in (self.var / "run").glob("*.pid")]

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        lines = (self.var / "serve.env").read_text().splitlines()
        url = next(line.partition("=")[2].strip("'") for line in lines if line.startswith("export DATABASE_URL="))
        return psycopg.connect(url, autocommit=True)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._log.close()


@pytest.fixture
def var() -> Iterator[Path]:
    """Make a folder that the engines' user may enter; pytest's own are their owner's alone."""
    folder = Path(tempfile.mkdtemp(prefix="pylo house "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def serve(var: Path) -> Iterator[Callable[..., House]]:
    started: list[House] = []

    def start(*, port: int = 0, falling: bool = False) -> House:
        started.append(House(var, port=port or free(), falling=falling))
        return started[-1]

    yield start
    for house in reversed(started):
        house.end()
