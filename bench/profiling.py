"""Where a process's time goes: py-spy samples its stacks from outside, this reads them."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.processes import pinned
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATE = 250  # samples a second
TOP = 10
PATIENCE = 20.0
LINE = re.compile(r":\d+\)$")


@dataclass(frozen=True, slots=True)
class Hot:
    """A function and the share of the samples in which it was the one that ran."""

    function: str
    share: float


def hottest(stacks: str, most: int = TOP) -> list[Hot]:
    """Read "frame;frame;frame COUNT" lines, outermost first; a function is counted whichever of its lines it was at."""
    own: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        if stack and count.isdigit():
            own[LINE.sub(")", stack.rpartition(";")[2])] += int(count)
    total = own.total()
    return [Hot(function, count / total) for function, count in own.most_common(most)]


@contextmanager
def sampled(program: Path, pid: int, seconds: float, stacks: Path, core: int) -> Iterator[None]:
    """Sample process `pid` while the block runs; the stacks are in the file afterwards."""
    words = [str(program), "record", "--pid", str(pid), "--duration", str(round(seconds)), "--rate", str(RATE)]
    words += ["--format", "raw", "--output", str(stacks), "--nonblocking"]
    with pinned(core):
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - our own
    try:
        yield
        said, _ = child.communicate(timeout=PATIENCE)
    except BaseException:
        child.kill()
        child.communicate()
        raise
    if child.returncode:
        raise Trouble(f"py-spy could not look into process {pid} (it has to be root's or allowed to trace):\n{said}")
