"""The thread that waits for the disk: an executor's futures and locks cost more than many an fsync does."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    Tell = Callable[[OSError | None], None]
    Wish = tuple[Sequence[int], int | None, asyncio.AbstractEventLoop, Tell]


class Disk:
    """Syncs one wish after the other; the thread begins with the first."""

    def __init__(self, timed: Callable[[float], None] | None = None) -> None:
        """`timed` is told in the loop how many seconds each wish took."""
        self._timed = timed
        self._wishes: SimpleQueue[Wish | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def sync(self, files: Sequence[int], directory: int | None, loop: asyncio.AbstractEventLoop, tell: Tell) -> None:
        """Put the files' data, and the directory's names, onto the disk; `tell` is then called in the loop."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()
        self._wishes.put((files, directory, loop, tell))

    def close(self) -> None:
        """Return when all that was wished for is done."""
        if self._thread is not None:
            self._wishes.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (wish := self._wishes.get()) is not None:
            files, directory, loop, tell = wish
            began = time.perf_counter()
            error = _fsync(files, directory)
            took = time.perf_counter() - began
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._tell, tell, error, took)

    def _tell(self, tell: Tell, error: OSError | None, took: float) -> None:
        if self._timed is not None:
            self._timed(took)
        tell(error)


def _fsync(files: Sequence[int], directory: int | None) -> OSError | None:
    try:
        for file in files:
            os.fdatasync(file)
        if directory is not None:
            os.fsync(directory)
    except OSError as error:
        return error
    return None
