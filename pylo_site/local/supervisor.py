"""Runs processes side by side with one log: honcho does the work, docs/decisions/0001 says what it lacked."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shlex
import signal
import threading
from datetime import datetime
from typing import TYPE_CHECKING

from honcho import process as honcho
from honcho.manager import Manager
from honcho.printer import Message

from pylo_site.local import launch
from pylo_site.local.children import command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pylo_site.local.children import Engine
    from pylo_site.local.processes import Process

RETRY = 0.05


class Child(honcho.Process):
    """honcho's process between ours and the program: it, too, must die with us."""

    supervisor = 0

    def run(self, events: object = None, ignore_signals: bool = False) -> None:  # noqa: FBT001, FBT002 - honcho's own
        for signum in (signal.SIGINT, signal.SIGTERM):  # honcho does so too, but only once the program runs
            signal.signal(signum, signal.SIG_IGN)
        launch.die_with_parent(self.supervisor, signal.SIGKILL)
        super().run(events, ignore_signals)


class Supervisor(Manager):
    """Runs `processes` until a signal or until one of them, or an engine, ends by itself; then ends them all."""

    def __init__(self, processes: Sequence[Process], environment: dict[str, str], *, root: Path, run: Path) -> None:
        # honcho's child only reads a pipe; forking it is quick, and its parent is then us on every Python.
        multiprocessing.set_start_method("fork", force=True)
        super().__init__()
        self._process_ctor = Child
        self._after: list[Callable[[], None]] = []
        self.fallen = ""  # what ended by itself first, and how
        for process in processes:
            words = command(list(process.words), nice=process.nice, pidfile=run / f"{process.name}.pid")
            child = self.add_process(process.name, f"exec {shlex.join(words)}", env=environment, cwd=str(root))
            child.supervisor = os.getpid()

    def watch(self, engine: Engine) -> None:
        """Put the engine's lines into the log, and stop everything when it ends."""
        colour = next(self._colours)
        self._printer.width = max(self._printer.width, len(engine.name))
        self._after.append(lambda: self._relay(engine, colour))

    def when_started(self, action: Callable[[], None]) -> None:
        self._after.append(action)

    def say(self, line: str) -> None:
        self.events.put(Message(type="line", data=line, time=datetime.now().astimezone(), name="pylo", colour=None))

    @property
    def ending(self) -> bool:
        return bool(self._terminating or self.returncode is not None)

    def terminate(self) -> None:
        # honcho breaks on a signal that comes before every process has told its pid.
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(RETRY, self.terminate).start()

    def loop(self) -> None:
        super().loop()
        self.events.cancel_join_thread()  # lines that nobody will print must not hold up our end

    def _start(self) -> None:
        super()._start()
        for action in self._after:  # threads begin only after the forks
            threading.Thread(target=action, daemon=True).start()

    def _relay(self, engine: Engine, colour: str) -> None:
        with contextlib.suppress(ValueError):  # closed meanwhile: we stopped it ourselves
            for line in engine.process.stdout or ():
                now = datetime.now().astimezone()
                self.events.put(Message(type="line", data=line, time=now, name=engine.name, colour=colour))
        status = engine.process.wait()
        if not self.ending:
            self.fallen = f"{engine.name} ended by itself ({ending(status)})"
            os.kill(os.getpid(), signal.SIGTERM)

    def _system_print(self, data: str) -> None:  # noqa: ARG002 - what it says is for honcho's own log
        """Keep honcho's own lines out of the log: only an end that nobody asked for is news."""
        if self.ending or self.fallen:
            return
        ended = [(name, each["returncode"]) for name, each in self._processes.items() if "returncode" in each]
        for name, status in ended[:1]:
            self.fallen = f"{name} ended by itself ({ending(status)})"


def ending(status: int) -> str:
    """Say an exit status in words."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
