"""A real process of the product under test: started with its log in a file, ended with its whole group."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROOT = __file__.rsplit("/tests/", 1)[0]
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1
PATIENCE = 30.0  # seconds to become ready
GRACE = 10.0  # seconds to end by itself
PAUSE = 0.05
TAIL = 40  # lines


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _die_with_the_tests() -> None:
    """Have the kernel kill this child when the tests are killed; only Linux can."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """Use `start`; the instance is a running child, until `stop`."""

    def __init__(self, name: str, child: subprocess.Popen[bytes], log: Path, stderr: IO[bytes]) -> None:
        self.name = name
        self.log = log
        self._child = child
        self._stderr = stderr

    @classmethod
    def start(cls, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> Process:
        stderr = log.open("ab")
        child = subprocess.Popen(
            list(command),
            cwd=ROOT,
            env=dict(env),
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=_die_with_the_tests,  # noqa: PLW1509 - one call of the kernel's, no lock taken
        )
        return cls(name, child, log, stderr)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL:]
        return f"--- {self.name} (last {len(lines)} lines of {self.log}) ---\n" + "\n".join(lines)

    def show(self) -> None:
        """Write the log's tail among what a failed test wrote: in its message it would bury what failed."""
        sys.stderr.write(f"{self.tail()}\n")

    def await_http(self, url: str, *, quietly: bool = False) -> None:
        """Return as soon as `url` is answered, whatever with; fail, and show the log's tail, if that is never."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                httpx.get(url, timeout=2, trust_env=False)
            except httpx.HTTPError:
                self.must_run_for(PAUSE, quietly=quietly)
            else:
                return
        if not quietly:
            self.show()
        raise AssertionError(f"{self.name} does not answer {url} after {PATIENCE:g} s")

    def must_run_for(self, seconds: float, *, quietly: bool = False) -> None:
        """Pause; fail, and show the log's tail, if the process ends meanwhile."""
        try:
            code = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        if not quietly:
            self.show()
        raise AssertionError(f"{self.name} ended with {code}")

    def stop(self) -> None:
        """Ask it to end; kill its group if it does not."""
        if self.running:
            self._child.terminate()
            try:
                self._child.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.kill()
        self._stderr.close()

    def kill(self) -> None:
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
