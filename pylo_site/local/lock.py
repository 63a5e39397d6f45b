"""One start at a time for a folder. The kernel holds the lock and drops it with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path


class Lock:
    """A record lock: unlike flock it is not inherited, so no child that outlives us can hold it."""

    def __init__(self, path: Path, held: str) -> None:
        """Take the lock or raise `Trouble` with `held`, in which {pid} is the holder's."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 32).decode().strip() or "?"
            os.close(self._file)
            raise Trouble(held.format(pid=holder)) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._file)
