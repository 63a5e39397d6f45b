"""Our server in a process of its own, with a small application behind it and limits that a test need not wait for."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.probing import listen, probe
from tests.fakes.process import PAUSE, Process, free_port

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.probing import Heard

PATIENCE = 10.0


class Served:
    """A running server; `notes` is what its application was told."""

    def __init__(self, process: Process, port: int, notes: Path) -> None:
        self.process = process
        self.port = port
        self._notes = notes

    def notes(self) -> list[str]:
        return self._notes.read_text().splitlines() if self._notes.exists() else []

    def noted(self, *lines: str) -> bool:
        """Wait until the application has noted one of these lines; False if that is never."""
        deadline = time.monotonic() + PATIENCE
        while not set(lines) & set(self.notes()):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        return True

    def forget(self) -> None:
        self._notes.write_text("")

    def ask(self, raw: bytes, *, answers: int = 1) -> Heard:
        return probe(self.port, raw, answers=answers)

    def get(self, path: str, headers: str = "") -> Heard:
        return self.ask(request("GET", path, headers))

    def rest(self, line: socket.socket) -> Heard:
        """Hear all of a line, to its close."""
        return listen(line, answers=10**6)


def request(method: str, path: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode() + body


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Start a server with `limits` and, of the command's other options, `proxies`."""
    started: list[Process] = []

    def start(*, proxies: int = 0, **limits: Any) -> Served:
        folder, port = tmp_path_factory.mktemp("served"), free_port()
        notes = folder / "notes"
        words = ["-m", "tests.fakes.serving", "--port", str(port), "--notes", str(notes), "--proxies", str(proxies)]
        command = (sys.executable, *words, "--limits", json.dumps(limits))
        process = Process.start("served", command, env=os.environ, log=folder / "log")
        started.append(process)
        served = Served(process, port, notes)
        assert served.noted("open"), process.tail()
        served.forget()
        return served

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="session")
def shared(serve: Callable[..., Served]) -> Served:
    """One with the limits that customers meet, for tests that harm nobody."""
    return serve()


@pytest.fixture
def served(shared: Served) -> Served:
    shared.forget()
    return shared
