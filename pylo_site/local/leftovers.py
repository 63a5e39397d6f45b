"""Processes of an earlier start that outlived it: found by the notes `launch` left, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from pylo_site.local.launch import birth

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 8.0


def _noted(pidfile: Path) -> int | None:
    """Return the noted process if it still is the one that was noted: a pid alone may be anybody's by now."""
    try:
        pid, _, born = pidfile.read_text().strip().partition(" ")
        return int(pid) if born and birth(int(pid)) == born else None
    except (OSError, ValueError):
        return None


def wait_for_end(pids: dict[int, str], seconds: float) -> dict[int, str]:
    """Return those of `pids` (with their births) that are still there after `seconds`."""
    deadline = time.monotonic() + seconds
    while pids and time.monotonic() < deadline:
        time.sleep(0.05)
        pids = {pid: born for pid, born in pids.items() if birth(pid) == born}
    return pids


def end(folder: Path) -> int:
    """End every process noted in `folder` and forget the notes; returns how many there were."""
    notes = sorted(folder.glob("*.pid"))
    alive = {pid: birth(pid) for pid in map(_noted, notes) if pid is not None}
    found = len(alive)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):  # SIGINT is Postgres's fast shutdown
        if not alive:
            break
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
        alive = wait_for_end(alive, PATIENCE if signum != signal.SIGINT else PATIENCE / 4)
    for note in notes:
        note.unlink(missing_ok=True)
    return found
