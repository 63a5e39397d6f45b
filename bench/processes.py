"""Children on a core of their own: started, awaited, their CPU time read, ended."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pylo_site.local.children import command
from pylo_site.local.ports import LOOPBACK
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
SYSTEM_CORE, OTHER_CORE = 0, 1
CHAT = "/v1/chat/completions"
STARTING = 90.0
STOPPING = 15.0
TAIL = 12
OK = 200


def cores() -> tuple[int, int]:
    """Return the core of the system under test, and the one of all else."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) <= OTHER_CORE:
        raise Trouble("It takes two cores: one for what is measured, one for what measures it.")
    return usable[SYSTEM_CORE], usable[OTHER_CORE]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Whatever is started in the block runs on `core` only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Process:
    """A running child, its output in a file; it dies with us."""

    name: str
    child: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.child.pid

    def must_run(self) -> None:
        if self.child.poll() is not None:
            raise Trouble(f"{self.name} ended with {self.child.returncode}:\n{self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL:]
        return "\n".join(f"    {line}" for line in [*lines, f"({self.log})"])

    def stop(self) -> None:
        self.child.terminate()
        try:
            self.child.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


@contextmanager
def running(
    name: str, words: Sequence[str | Path], *, env: Mapping[str, str], core: int, log: Path
) -> Iterator[Process]:
    """Start `words` on `core`; stop it at the end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, pinned(core):
        child = subprocess.Popen(  # noqa: S603 - our own command
            command(list(words)),
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    process = Process(name, child, log)
    try:
        yield process
    finally:
        process.stop()


def await_answer(process: Process, port: int, key: str, body: str) -> None:
    """Return once `body` is answered with 200; what came instead is told when that is never."""
    deadline = time.monotonic() + STARTING
    said = "no answer"
    while time.monotonic() < deadline:
        process.must_run()
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            connection.request("POST", CHAT, body, headers)
            answer = connection.getresponse()
            said = f"{answer.status} {answer.read(200)!r}"
            if answer.status == OK:
                return
        except OSError as error:
            said = str(error)
        finally:
            connection.close()
        time.sleep(0.2)
    raise Trouble(f"{process.name} did not answer within {STARTING:.0f} s, but: {said}\n{process.last_words()}")


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, its threads and its descendants; the kernel counts in ticks of 10 ms."""
    ticks = 0
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and its descendants."""
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
