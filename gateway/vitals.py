"""Measures what `gateway.overload` judges: how late the event loop runs, and what is free on the journal's disk."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.overload import Overload

SAMPLE_SECONDS = 0.05
DISK_SECONDS = 1.0


async def watch(overload: Overload, journal: Path) -> None:
    """Measure until cancelled. A sample that comes late is the measurement."""
    loop = asyncio.get_running_loop()
    looked_at = -DISK_SECONDS
    while True:
        due = loop.time() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        now = loop.time()
        overload.loop_ran_late(now, max(now - due, 0.0))
        if now - looked_at >= DISK_SECONDS:
            looked_at = now
            overload.disk(*free_and_total(journal))


def free_and_total(directory: Path) -> tuple[int, int]:
    """Return the bytes that are free to us, and all there are; of a disk that cannot be asked the journal tells."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return 1, 0
    return disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
