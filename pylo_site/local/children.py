"""Starts engines as children that die with us, in the foreground, their output in one pipe."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pylo_site.local import launch
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

LAUNCH = Path(launch.__file__)
STARTING = 30.0
STOPPING = 10.0
TAIL = 12  # lines of a program that ended by itself


class Say(Protocol):
    """Tells the reader one line about the start."""

    def __call__(self, line: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine: its process, where it is reached, and the signal that stops it in good order."""

    name: str
    process: subprocess.Popen[bytes]
    url: str
    stop_with: signal.Signals

    def stop(self) -> None:
        self.end()
        if self.process.stdout:
            self.process.stdout.close()

    def end(self) -> None:
        """Make it end; its last words can still be read then."""
        for signum in (self.stop_with, signal.SIGQUIT, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOPPING)

    def last_words(self) -> str:
        """Return the end of what it said; only once it has ended and nobody else reads its output."""
        said = self.process.stdout.read().decode(errors="replace") if self.process.stdout else ""
        return "\n".join(f"    {line}" for line in said.strip().splitlines()[-TAIL:])


def command(
    program: list[str | Path],
    *,
    uid: int | None = None,
    pidfile: Path | None = None,
    signum: signal.Signals = signal.SIGTERM,
    nice: int = 0,
) -> list[str]:
    """Return the command that runs `program` so that it dies with the process that starts it."""
    options = ["--signal", signum.name]
    options += ["--uid", str(uid)] if uid is not None else []
    options += ["--nice", str(nice)] if nice else []
    options += ["--pidfile", str(pidfile)] if pidfile else []
    return [sys.executable, "-I", "-S", str(LAUNCH), *options, "--", *map(str, program)]


def spawn(words: list[str], *, cwd: Path, environment: dict[str, str], stdin: bytes = b"") -> subprocess.Popen[bytes]:
    """Start `words` in a session of their own: a Ctrl-C meant for us does not reach them."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        words,
        cwd=cwd,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(stdin)
            process.stdin.close()
    return process


def wait_until_ready(engine: Engine, ready: Callable[[], bool], *, seconds: float = STARTING) -> None:
    """Wait until `ready()`; raises `Trouble` with the engine's last words when it ends first or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if engine.process.poll() is not None:
            raise Trouble(f"{engine.name} ended while starting:\n{engine.last_words()}")
        if time.monotonic() > deadline:
            engine.end()
            raise Trouble(f"{engine.name} did not answer within {seconds:.0f} s:\n{engine.last_words()}")
        time.sleep(0.02)
    _forget_said(engine.process)


def _forget_said(process: subprocess.Popen[bytes]) -> None:
    """Empty the pipe: what an engine says on its way up is of interest only when it does not come up."""
    if process.stdout:
        pipe = process.stdout.fileno()
        os.set_blocking(pipe, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(pipe, 65536):
                pass
        os.set_blocking(pipe, True)
