"""Journal → Postgres, by a rule that loses nothing and bills nothing twice.

- A SETTLE frame carries the whole record, so shipping needs no frame before it: frames are read from the segment's
  shipped offset, their records inserted under the unique uid, and the offset moved, all in one transaction.
- An ADMIT matters only when its writer died (its lock is free) without settling it: then every segment that is left of
  that writer is read from its start, and what has no SETTLE is closed as INTERRUPTED under its own uid: with the tokens
  that its client may have been given, the upstream that it was of, and no charge.
- A record that the ledger calls unrecordable is set aside as a file, for a person, and holds up nobody else's.
- Segments are deleted oldest first, once shipped: all of them when their writer died and its open requests were closed;
  before that those that no open request was admitted in, or a writer that lives long would fill the disk.
"""

from __future__ import annotations

import logging
import os
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from billing.recording import Unrecordable
from gateway import frames, journal, progress
from gateway.frames import Admit, Attempt, First, Settle
from gateway.usage import Outcome, RequestRecord, Tokens, UsageSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from gateway.frames import Frame
    from gateway.meter import Admitted
    from gateway.progress import Noted

BATCH_BYTES = 2**22  # of a backlog: some thousand records, whose workspaces are each posted to once
ERROR_CODE = "internal_error"
STATUS = 500

log = logging.getLogger("pylo.shipper")


class Ledger(Protocol):
    """What the shipper needs of `billing.ledger`."""

    def append(
        self, records: Sequence[RequestRecord], *, segment: str, shipped: int, recorded_at: datetime, batch: UUID
    ) -> object: ...

    def shipped_offset(self, segment: str) -> int: ...

    def forget(self, segment: str) -> None: ...

    def bury(self, writer: str, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of a writer's journal; `name` is its path below the journal's root."""

    name: str
    path: Path


class Shipper:
    """Ships all journals below one root. One runs per host; a second would only repeat what the unique uid refuses."""

    def __init__(self, root: Path, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._root = root
        self._ledger = ledger
        self._now = now
        self._offsets: dict[str, int] = {}
        self._looked: dict[Path, Segment] = {}  # each live writer's last segment when it was last looked for old ones

    def ship(self) -> int:
        """Go over every writer once; return how many records went out. What cannot be shipped stays, and is raised."""
        shipped = 0
        failures: list[Exception] = []
        for directory in sorted(self._root.glob("*/*/")):
            if directory.name.startswith("."):
                continue  # a writer that is about to begin
            try:
                shipped += self._writer(directory)
            except Exception as error:  # noqa: BLE001 - one writer's trouble must not hold up the others
                failures.append(error)
        if failures:
            raise ExceptionGroup("what cannot be shipped stays in the journal", failures)
        return shipped

    def _writer(self, directory: Path) -> int:
        lock = journal.lock(directory)  # taken before reading: what a dead writer left is then all there is
        try:
            segments = self._segments(directory)
            over = self._over(directory, segments) if lock is None else []  # before shipping: its ends are shipped then
            shipped = sum(self._segment(segment) for segment in segments)
            for segment in over:
                self._delete(segment)
            if lock is not None:
                shipped += self._bury(directory, segments)
        finally:
            if lock is not None:
                os.close(lock)
        return shipped

    def _segments(self, directory: Path) -> list[Segment]:
        paths = sorted(directory.glob("*.log"), key=lambda path: (len(path.name), path.name))
        return [Segment(str(path.relative_to(self._root)), path) for path in paths]

    def _over(self, directory: Path, segments: list[Segment]) -> list[Segment]:
        """Return a live writer's segments that may go; looked for once for each new segment, for all are read."""
        if len(segments) <= 1 or self._looked.get(directory) == segments[-1]:
            return []
        self._looked[directory] = segments[-1]
        newest = len(segments) - 1  # is being written to
        return segments[: min([newest, *(each.segment for each in _open(segments))])]

    def _segment(self, segment: Segment) -> int:
        shipped = 0
        for found, offset in batches(segment.path, self._offset(segment), only=frames.SETTLE):
            records = [frame.record for frame in found if isinstance(frame, Settle)]
            self._append(records, segment, offset)
            shipped += len(records)
        return shipped

    def _append(self, records: list[RequestRecord], segment: Segment, offset: int) -> None:
        while records:  # an offset that moves over admissions alone is only remembered: to read them again is harmless
            try:
                self._ledger.append(
                    records, segment=segment.name, shipped=offset, recorded_at=self._now(), batch=uuid.uuid4()
                )
                break
            except Unrecordable as error:
                self._set_aside(error.uid, records)
                records = [record for record in records if record.uid != error.uid]
        self._offsets[segment.name] = offset

    def _set_aside(self, uid: UUID, records: list[RequestRecord]) -> None:
        log.error("set an unrecordable record aside", extra={"pylo_request_id": f"req_{uid}"})
        frame = b"".join(frames.encode(Settle(record)) for record in records if record.uid == uid)
        (self._root / f"{uid}.unrecordable").write_bytes(frame)

    def _offset(self, segment: Segment) -> int:
        if segment.name not in self._offsets:
            self._offsets[segment.name] = self._ledger.shipped_offset(segment.name)
        return self._offsets[segment.name]

    def _bury(self, directory: Path, segments: list[Segment]) -> int:
        """Close what a dead writer left open, then delete its journal."""
        noted = progress.read(directory)
        records = [each.interrupted(noted.get(each.admitted.uid)) for each in _open(segments)]
        if records:
            last = segments[-1]
            self._append(records, last, self._offset(last))
            log.warning("closed requests of a dead process", extra={"segment": last.name, "records": len(records)})
        # Before the files go: should this process die now, the writer is read and buried once more.
        self._ledger.bury(str(directory.relative_to(self._root)), self._now())
        for segment in segments:
            self._delete(segment)
        for path in directory.glob(progress.NAME):
            path.unlink()
        directory.rmdir()
        self._looked.pop(directory, None)
        return len(records)

    def _delete(self, segment: Segment) -> None:
        left = segment.path.stat().st_size - self._offset(segment)
        self._ledger.forget(
            segment.name
        )  # first: a file without its offset is only read again, and then forgotten again
        self._offsets.pop(segment.name, None)
        if left:  # torn by a power cut, and nobody was told that it was written; or a disk's fault: kept for a person
            log.error("set a torn segment aside", extra={"segment": segment.name, "bytes": left})
            segment.path.rename(segment.path.parent.with_name(f"{segment.path.parent.name}-{segment.path.name}.torn"))
        else:
            segment.path.unlink()


@dataclass(slots=True)
class _Open:
    """A request without an end, and the number of the segment it was admitted in, the last one if it is in two."""

    admitted: Admitted
    segment: int
    first_ms: int | None = None
    upstreams: list[str] = field(default_factory=list)  # that were asked, in order

    def hears(self, frame: First | Attempt) -> None:
        if isinstance(frame, First):
            self.first_ms = frame.at_ms
        else:
            self.upstreams.append(frame.upstream)

    def interrupted(self, noted: Noted | None) -> RequestRecord:
        """Return the record: nothing is known of its end, and nothing is charged for it."""
        admitted = self.admitted
        first_token_ms = None if self.first_ms is None else max(self.first_ms - admitted.admitted_at_ms, 0)
        return RequestRecord(
            uid=admitted.uid,
            request_id=admitted.request_id,
            workspace_id=admitted.workspace_id,
            key_id=admitted.key_id,
            price_id=admitted.price_id,
            model=admitted.model,
            stream=admitted.stream,
            admitted_at_ms=admitted.admitted_at_ms,
            upstream=self.upstreams[-1] if self.upstreams else "",
            attempts=len(self.upstreams),
            status=STATUS,
            outcome=Outcome.INTERRUPTED,
            finish_reason="",
            error_code=ERROR_CODE,
            tokens=noted.tokens if noted else Tokens(),
            usage_source=noted.source if noted else UsageSource.NONE,
            first_token_ms=first_token_ms,
            duration_ms=first_token_ms or 0,
        )


def _open(segments: list[Segment]) -> list[_Open]:
    """Return the admissions that have no end in these segments, with what is known of them."""
    found: dict[UUID, _Open] = {}
    for number, segment in enumerate(segments):
        for frame in (frame for batch, _ in batches(segment.path, 0) for frame in batch):
            match frame:
                case Admit(admitted=admitted):
                    found[admitted.uid] = _Open(admitted, number)
                case Settle(record=record):
                    found.pop(record.uid, None)
                case First(uid=uid) | Attempt(uid=uid):
                    if uid in found:
                        found[uid].hears(frame)
    return list(found.values())


def batches(path: Path, offset: int, only: int | None = None) -> Iterator[tuple[list[Frame], int]]:
    """Yield a file's whole frames from `offset` on, or those of one kind, with the offset behind them, to the end."""
    if path.stat().st_size <= offset:
        return
    with path.open("rb") as file:
        while True:
            file.seek(offset)
            found, size = frames.decode(file.read(BATCH_BYTES), only)
            if not size:
                return
            offset += size
            yield found, offset
