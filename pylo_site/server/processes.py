"""Several servers on one port: each has a listening socket of its own, and the kernel deals the connections out.

One socket shared by all would be unfair: the first to wake takes everything.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from pylo_site.local.children import command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType

BACKLOG = 2048  # connections that the kernel keeps while nobody accepts; it has a ceiling of its own
MODULE = "pylo_site.server"
MOST = 256


def asked_for(args: Sequence[str]) -> Processes | None:
    """Return the processes that a command line asks for, or None where it asks for one: then it is that one's."""
    parser = argparse.ArgumentParser(prog="python -m pylo_site.server", add_help=False, allow_abbrev=False)
    parser.add_argument("--processes", type=int, default=1)
    count, rest = parser.parse_known_args(args)
    if count.processes == 1:
        return None
    parser.add_argument("-b", "--bind", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=8000)
    options, rest = parser.parse_known_args(args)
    if not 1 <= options.processes <= MOST or not options.port or ":" in options.bind:
        parser.error(f"--processes takes 1 to {MOST}, with an IPv4 address and a port")
    return Processes((options.bind, options.port), options.processes, rest)


class Processes:
    """`count` children with the same command line. When one ends by itself, all do: who runs this starts them again."""

    def __init__(self, address: tuple[str, int], count: int, options: Sequence[str]) -> None:
        self._address = address
        self._count = count
        self._options = options
        self._children: list[subprocess.Popen[bytes]] = []
        self._over = threading.Event()
        self._asked = False

    def run(self) -> int:
        """Start them and wait for their end; returns the exit code. Raises OSError where the port is somebody's."""
        self._listener(shared=False).close()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._pass_on)
        for _ in range(self._count):
            self._children.append(self._start())
            if self._asked:  # while it was being started: nobody has told it
                self._children[-1].send_signal(signal.SIGTERM)
        watchers = [threading.Thread(target=self._watch, args=(child,), daemon=True) for child in self._children]
        for watcher in watchers:
            watcher.start()
        while not self._over.wait(1):  # with a limit: a wait without one hears no signal on some systems
            pass
        if not self._asked:
            self._signal(signal.SIGTERM)
        codes = [child.wait() for child in self._children]
        return 0 if self._asked and not any(codes) else 1

    def _listener(self, *, shared: bool) -> socket.socket:
        """Return a bound socket; one that is not shared cannot be had while anybody else listens."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        try:
            listener.bind(self._address)
        except OSError:
            listener.close()
            raise
        return listener

    def _start(self) -> subprocess.Popen[bytes]:
        with self._listener(shared=True) as listener:
            listener.listen(BACKLOG)
            words: list[str | Path] = [sys.executable, "-m", MODULE, "--fd", str(listener.fileno()), *self._options]
            return subprocess.Popen(  # noqa: S603 - our own command
                command(words),
                pass_fds=[listener.fileno()],
                start_new_session=True,  # a signal to our group is passed on by us, once
            )

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        child.wait()
        self._over.set()

    def _pass_on(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is Python's
        self._asked = True
        self._signal(signal.Signals(signum))

    def _signal(self, signum: signal.Signals) -> None:
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signum)
