"""The durable write: append-only segments on the local disk, fsynced in groups, in a directory its writer holds locked.

<root>/<host>/<boot>-<pid>-<random>/NNNN.log, where <boot> is the start of the process in milliseconds. The kernel frees
the lock at the death of the process and at nothing else, so a writer that is merely slow or paused never looks dead.

A segment's blocks are taken when it is begun, and a request is admitted only where the ends of all that run have room
in them: on a full disk nobody new is let in, and who was let in is recorded.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import frames
from gateway.disk import Disk
from gateway.frames import Admit, Attempt, First, Settle
from gateway.ports import StoreUnavailable
from gateway.preallocation import preallocate
from gateway.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from gateway.frames import Frame
    from gateway.meter import Admitted
    from gateway.usage import RequestRecord, Tokens, UsageSource

SEGMENT_BYTES = 64 * 2**20
LONGEST_END = 2048  # bytes that a request writes after its admission, at most: its attempts, first token and record


@dataclass(slots=True)
class _Segment:
    file: int
    size: int = 0


def lock(directory: Path) -> int | None:
    """Return a descriptor that holds the directory's lock, or None while its writer lives."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _create(directory: Path) -> int:
    """Make the directory and return its lock; locked before it has its name, for nobody is to see it unlocked."""
    unnamed = directory.with_name(f".{directory.name}")
    unnamed.mkdir(parents=True, mode=0o700)
    held = lock(unnamed)
    if held is None:
        raise StoreUnavailable(str(directory))
    unnamed.rename(directory)
    for above in (directory.parent, directory.parent.parent):  # the names, too, are to survive a power cut
        _sync_directory(above)
    return held


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Journal:
    """One process's journal. All methods but the fsync itself run on the event loop's thread."""

    def __init__(
        self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES, timed: Callable[[float], None] | None = None
    ) -> None:
        """`timed` is told how many seconds each sync took."""
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._lock = _create(directory)
        self._disk = Disk(timed)
        self._number = 0
        self._named = 0  # up to this number the names of the files are on disk
        self._segments: list[_Segment] = []  # the last is written to; the others wait for their fsync
        self._unsynced: list[bytes] = []
        self._written = 0
        self._synced = 0
        self._lost = False  # an fsync failed, and what it was for is not yet written again
        self._flushing: asyncio.Future[None] | None = None
        self._running: set[UUID] = set()  # admitted and not settled
        self._progress = Progress(directory)
        self._rotate()

    async def admit(self, admitted: Admitted) -> None:
        self._write(Admit(admitted), room=(len(self._running) + 1) * LONGEST_END)
        self._running.add(admitted.uid)
        await self.start()

    def attempt(self, uid: UUID, upstream: str, number: int) -> None:
        with suppress(StoreUnavailable):  # then the record of an interrupted request names no upstream
            self._write(Attempt(uid, upstream, number))

    def first(self, uid: UUID, at_ms: int) -> None:
        self._write(First(uid, at_ms))

    def progress(self, uid: UUID, tokens: Tokens, source: UsageSource) -> None:
        try:
            self._progress.note(uid, tokens, source)
        except OSError as error:
            raise StoreUnavailable(error.strerror) from None

    def settle(self, record: RequestRecord) -> None:
        self._running.discard(record.uid)
        self._write(Settle(record))
        self._progress.end(record.uid)

    async def start(self) -> None:
        """Hand what is written to the disk; it works while the caller does, and `sync` waits for it."""
        if self._flushing is None and self._synced < self._written:
            self._flushing = self._flush()
        await asyncio.sleep(0)  # the fsync begins with the end of this turn of the loop

    async def sync(self) -> None:
        """Return once all that was written is on disk; everyone who waits shares one fsync."""
        upto = self._written
        while self._synced < upto:
            try:
                if self._flushing is None:
                    self._flushing = self._flush()
                await asyncio.shield(self._flushing)
            except OSError as error:
                raise StoreUnavailable(error.strerror) from None

    async def close(self) -> None:
        try:
            await self.sync()
        finally:
            self._disk.close()
            self._progress.close()
            segments, self._segments = self._segments, []
            for segment in segments:
                _close(segment)
            os.close(self._lock)

    def _write(self, frame: Frame, room: int = 0) -> None:
        """Append a frame, to the next segment where this one has not the room for it and for `room` bytes more."""
        data = frames.encode(frame)
        if not self._segments:  # closed: the file's number may be another file's by now
            raise StoreUnavailable
        try:
            if self._segments[-1].size + len(data) + min(room, self._segment_bytes // 2) > self._segment_bytes:
                self._rotate()
            self._append(data)
        except OSError as error:
            raise StoreUnavailable(error.strerror) from None
        self._unsynced.append(data)
        self._written += len(data)

    def _append(self, data: bytes) -> None:
        segment = self._segments[-1]
        try:
            whole = os.write(segment.file, data) == len(data)
        except OSError:
            self._mend(segment)
            raise
        if not whole:
            self._mend(segment)
            raise OSError(None, "the disk is full")
        segment.size += len(data)

    def _mend(self, segment: _Segment) -> None:
        """Cut a torn frame off: it would hide all that is written behind it. Where it stays, nothing is."""
        try:
            os.ftruncate(segment.file, segment.size)
        except OSError:
            self._rotate()

    def _rotate(self) -> None:
        path = self._directory / f"{self._number + 1:04d}.log"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            preallocate(file, self._segment_bytes)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        self._number += 1
        self._segments.append(_Segment(file))

    def _flush(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        done.add_done_callback(_seen)
        loop.call_soon(self._begin, loop, done)  # not at once: all who write in this turn of the loop share it
        return done

    def _begin(self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
        try:
            if self._lost:
                self._start_over()
        except OSError as error:
            self._flushing = None
            done.set_exception(error)
            return
        upto, count, segments, number = self._written, len(self._unsynced), tuple(self._segments), self._number
        directory = self._lock if number > self._named else None

        def tell(error: OSError | None) -> None:
            # Only when it is counted may it look done: who came between would await it, done, for ever.
            try:
                self._flushed(error, upto, count, segments)
            except OSError as failure:
                done.set_exception(failure)
            else:
                self._named = max(self._named, number)
                done.set_result(None)

        self._disk.sync([each.file for each in segments], directory, loop, tell)

    def _flushed(self, error: OSError | None, upto: int, count: int, segments: tuple[_Segment, ...]) -> None:
        """Count what is on the disk; raise the error of what is not, when it is written again."""
        self._flushing = None
        if error is not None:
            self._lost = True
            self._start_over()
            raise error
        self._synced = upto
        del self._unsynced[:count]
        for segment in segments:
            if segment is not self._segments[-1]:
                self._segments.remove(segment)
                _close(segment)

    def _start_over(self) -> None:
        """After a failed fsync the file's pages may be lost without a word: write them again, to a new file.

        Where that fails too it is tried again before the next fsync: what is then there twice is shipped once.
        """
        self._rotate()
        for segment in self._segments[:-1]:
            _close(segment)
        del self._segments[:-1]
        for data in self._unsynced:
            self._append(data)
        self._lost = False


def _close(segment: _Segment) -> None:
    """Give back the blocks that were not used, where that can be done, and close the file."""
    with suppress(OSError):
        os.ftruncate(segment.file, segment.size)
    os.close(segment.file)


def _seen(done: asyncio.Future[None]) -> None:
    """Look at a failure that nobody may be waiting for any more, or asyncio complains that nobody did."""
    if not done.cancelled():
        done.exception()
