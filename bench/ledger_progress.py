"""How far a long part is: on stderr, a line every few seconds."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.ledger_figures import number, progress_line

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = 5.0


class Progress:
    """Of a part whose steps are counted."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._began = self._told = time.monotonic()

    def at(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told >= EVERY:
            self._told = now
            print(progress_line(self._what, done, self._total, now - self._began), file=sys.stderr, flush=True)


@contextmanager
def ticking(what: str) -> Iterator[None]:
    """Tell how long one statement has been running: nobody knows how far it is."""
    over = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        while not over.wait(EVERY):
            print(f"{what}: {number(time.monotonic() - began)} s", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tell, name="ticking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
