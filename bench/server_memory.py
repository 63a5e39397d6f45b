"""What strangers can make the server hold in memory: `python -m bench.server_memory`, on Linux, under a minute.

Starts the server with a small application behind it, and prints its resident set before and at its highest while

- 300 MB are posted without a key, with their length declared and in chunks,
- 200 clients ask for a stream that has no end, and read none of it.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.probing import STATUS
from tests.fakes.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MB = 1_000_000
POSTED = 300 * MB
PIECE = 64 * 1024
READERS = 200
STARTING = 20.0
WATCHED = 10.0  # seconds that the clients which do not read are kept; the server cuts them after 30
STATUS_LINE = 100


def resident(pid: int, what: str) -> float:
    """Return `VmRSS` or `VmHWM` of a process, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024 / MB


def forget_peak(pid: int) -> None:
    """Have the kernel count the highest resident set from now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def declared() -> Iterator[bytes]:
    yield f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {POSTED}\r\n\r\n".encode()
    for _ in range(POSTED // PIECE):
        yield bytes(PIECE)


def chunked() -> Iterator[bytes]:
    yield b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for _ in range(POSTED // PIECE):
        yield b"%x\r\n%b\r\n" % (PIECE, bytes(PIECE))
    yield b"0\r\n\r\n"


def post(port: int, pieces: Iterator[bytes]) -> str:
    """Send all of it, whatever comes back, until the server will have no more; return the answer's status."""
    sent = 0
    with connect(port) as line:
        with suppress(OSError):
            for piece in pieces:
                line.sendall(piece)
                sent += len(piece)
        answer = line.recv(STATUS_LINE)
    (status,) = STATUS.findall(answer) or [b"none"]
    return f"{sent / MB:.0f} MB sent, answered {status.decode()}"


def stop_reading(port: int) -> str:
    with ExitStack() as lines:
        for _ in range(READERS):
            line = lines.enter_context(connect(port))
            line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(WATCHED)
    return f"{READERS} clients, {WATCHED:.0f} s"


def measured(pid: int, name: str, act: Callable[[], str]) -> str:
    before = resident(pid, "VmRSS")
    forget_peak(pid)
    told = act()
    return f"{name:32} {before:6.1f} → {resident(pid, 'VmHWM'):6.1f} MB   {told}"


def main() -> int:
    port = free_port()
    words = [sys.executable, "-m", "tests.fakes.serving", "--port", str(port)]
    with subprocess.Popen(words) as server:  # noqa: S603 - our own
        deadline = time.monotonic() + STARTING
        while time.monotonic() < deadline:
            with suppress(OSError):
                connect(port).close()
                break
        acts: dict[str, Callable[[], str]] = {
            "300 MB, length declared": lambda: post(port, declared()),
            "300 MB, in chunks": lambda: post(port, chunked()),
            "clients that do not read": lambda: stop_reading(port),
        }
        for name, act in acts.items():
            print(measured(server.pid, name, act), flush=True)
        server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
