"""A process's numbers, in a file that the others of its host read: mapped into memory, so to count costs no call.

<directory>/<pid>-<random>.cells is MAGIC, then ROOM floats, then for each series a line: JSON of its family and labels.
A series' numbers stand where those of the line before it end. Its writer holds the file locked, and the kernel frees
the lock at the writer's death and at nothing else; what was counted stays until nobody of the host runs.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gateway.metrics.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gateway.metrics.families import Family

Name = tuple[str, ...]  # a series: its family's name, then the values of its labels

MAGIC = b"pylo-01\n"
ROOM = 16_384  # floats
NOWHERE = 64  # the last of them, for what has no room
START = len(MAGIC)
NAMES = START + ROOM * 8
SUFFIX = ".cells"
SIZES = {family.name: family.cells for family in FAMILIES}

log = logging.getLogger("pylo.gateway")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one process has counted."""

    alive: bool
    series: Mapping[Name, tuple[float, ...]]


class Cells:
    """Room for numbers. Without a directory, or where that cannot be written, only this process sees them."""

    def __init__(self, directory: Path | None = None) -> None:
        self.values = memoryview(bytearray(ROOM * 8)).cast("d")
        self.nowhere = ROOM - NOWHERE  # where anybody may write and nobody reads
        self._names: list[Name] = []
        self._used = 0
        self._directory = directory
        self._file: int | None = None
        self._map: mmap.mmap | None = None
        if directory is not None:
            try:
                self._open(directory)
            except OSError as error:  # what cannot be shown keeps nobody from being served
                log.error("the metrics have no file: %s", error.strerror)  # noqa: TRY400 - that is all of it

    def take(self, family: Family, labels: tuple[str, ...]) -> int | None:
        """Return where a new series' numbers begin, all of them 0; None when there is no room."""
        at, name = self._used, (family.name, *labels)
        if at + family.cells > self.nowhere:
            return None
        if self._file is not None:
            try:
                os.write(self._file, msgspec.json.encode(name) + b"\n")
            except OSError:
                return None
        self._names.append(name)
        self._used += family.cells
        return at

    def readings(self) -> list[Reading]:
        """Return what this process and, where it has a file, the others of its host have counted."""
        own = Reading(alive=True, series=_series(self._names, self.values))
        if self._file is None or self._directory is None:
            return [own]
        mine = os.fstat(self._file).st_ino
        others = (_read(path, mine) for path in sorted(self._directory.glob(f"*{SUFFIX}")))
        return [own, *(other for other in others if other is not None)]

    def close(self) -> None:
        """Let the file be that of a process which has ended; who counts on is heard by nobody."""
        if self._file is not None and self._map is not None:
            kept = memoryview(bytearray(self.values.tobytes())).cast("d")
            self.values.release()
            self.values = kept
            self._map.close()
            os.close(self._file)
            self._file = self._map = None

    def _open(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory):
            _sweep(directory)
            path = directory / f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            os.ftruncate(file, NAMES)
            self._map = mmap.mmap(file, NAMES)
            self._map[:START] = MAGIC
            self.values = memoryview(self._map)[START:].cast("d")
            self._file = file


def _series(names: Iterable[Name], values: memoryview[float]) -> dict[Name, tuple[float, ...]]:
    found, at = {}, 0
    for name in names:
        cells = SIZES[name[0]]
        found[name] = tuple(values[at : at + cells])
        at += cells
    return found


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep others from coming in at the same moment."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(directory: Path) -> None:
    """Where nobody runs this is a new start, and sums begin at 0; while somebody does, no sum may shrink."""
    files = sorted(directory.glob(f"*{SUFFIX}"))
    if not any(_writer_lives(path) for path in files):
        for path in files:
            path.unlink()


def _writer_lives(path: Path) -> bool:
    with path.open("rb") as file:
        return _is_held(file.fileno())


def _is_held(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look at once see no writer in each other
    except BlockingIOError:
        return True
    return False


def _read(path: Path, mine: int) -> Reading | None:
    """Read another process's file; None for our own, and for one that is not whole or of another release."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_ino == mine:
                return None
            alive, data = _is_held(file.fileno()), file.read()
        if data[:START] != MAGIC:
            return None
        names = [msgspec.json.decode(line, type=Name) for line in data[NAMES:].split(b"\n")[:-1]]
        return Reading(alive, _series(names, memoryview(data)[START:NAMES].cast("d")))
    except (OSError, KeyError, ValueError, TypeError):  # msgspec's errors are ValueErrors
        return None
