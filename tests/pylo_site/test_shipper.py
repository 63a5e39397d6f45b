from __future__ import annotations

import os
import threading
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from billing.recording import Unrecordable
from gateway import frames, journal
from gateway.frames import Admit, Attempt, First, Settle
from gateway.progress import Progress
from gateway.usage import Outcome, RequestRecord, Tokens, UsageSource
from pylo_site.management.commands import ship
from pylo_site.shipper import Shipper
from tests.gateway.records import make_admitted, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.frames import Frame

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class Ledger:
    """The ledger's contract in memory: all or nothing, each uid once, the offset with the records."""

    rows: dict[UUID, RequestRecord] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    appends: int = 0
    away: bool = False
    remembers: bool = False  # to forget fails
    unrecordable: set[UUID] = field(default_factory=set)
    batches: set[UUID] = field(default_factory=set)
    buried: dict[str, set[int]] = field(default_factory=dict)  # by writer: which records were there then

    def append(
        self, records: Sequence[RequestRecord], *, segment: str, shipped: int, recorded_at: datetime, batch: UUID
    ) -> object:
        assert recorded_at == NOW
        assert batch not in self.batches
        self.batches.add(batch)
        if self.away:
            raise ConnectionError
        for record in records:
            if record.uid in self.unrecordable:
                raise Unrecordable(record.uid, "no such key")
        self.appends += 1
        for record in records:
            self.rows.setdefault(record.uid, record)
        self.offsets[segment] = shipped
        return None

    def shipped_offset(self, segment: str) -> int:
        return self.offsets.get(segment, 0)

    def forget(self, segment: str) -> None:
        if self.remembers:
            raise ConnectionError
        self.offsets.pop(segment, None)

    def bury(self, writer: str, at: datetime) -> None:
        assert at == NOW
        self.buried[writer] = {uid.int for uid in self.rows}


class Writer:
    """A gateway's journal directory, whose lock is held until it dies."""

    def __init__(self, root: Path, name: str = "1-2") -> None:
        self.directory = root / "host" / name
        self.directory.mkdir(parents=True)
        self.lock = journal.lock(self.directory)

    def write(self, *written: Frame, segment: int = 1, torn: int = 0) -> int:
        data = b"".join(frames.encode(frame) for frame in written)
        path = self.directory / f"{segment:04d}.log"
        with path.open("ab") as file:
            file.write(data[: len(data) - torn])
        return path.stat().st_size

    def die(self) -> None:
        if self.lock is not None:
            os.close(self.lock)
        self.lock = None


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path)
    yield writer
    writer.die()


@pytest.fixture
def shipper(tmp_path: Path, ledger: Ledger) -> Shipper:
    return Shipper(tmp_path, ledger, lambda: NOW)


def names(writer: Writer) -> list[str]:
    return sorted(path.name for path in writer.directory.iterdir())


def numbers(ledger: Ledger) -> list[int]:
    return sorted(uid.int for uid in ledger.rows)


def test_what_is_settled_is_shipped_with_the_offset_behind_it(writer: Writer, ledger: Ledger, shipper: Shipper) -> None:
    size = writer.write(Admit(make_admitted(1)), First(UUID(int=1), 5), Settle(make_record(1)))
    assert shipper.ship() == 1
    assert ledger.rows == {UUID(int=1): make_record(1)}
    assert ledger.offsets == {"host/1-2/0001.log": size}


def test_a_second_pass_ships_only_what_is_new(writer: Writer, ledger: Ledger, shipper: Shipper) -> None:
    writer.write(Settle(make_record(1)))
    shipper.ship()
    assert (shipper.ship(), ledger.appends) == (0, 1)
    writer.write(Settle(make_record(2)))
    assert (shipper.ship(), numbers(ledger)) == (1, [1, 2])


def test_an_admission_before_the_offset_is_settled_by_what_comes_after_it(
    writer: Writer, ledger: Ledger, tmp_path: Path
) -> None:
    writer.write(Admit(make_admitted(1)), Settle(make_record(2)))
    Shipper(tmp_path, ledger, lambda: NOW).ship()
    writer.write(Settle(make_record(1)))
    Shipper(tmp_path, ledger, lambda: NOW).ship()
    assert ledger.rows[UUID(int=1)] == make_record(1)


def test_a_live_writers_open_requests_are_left_alone(writer: Writer, ledger: Ledger, shipper: Shipper) -> None:
    writer.write(Admit(make_admitted(1)))
    shipper.ship()
    assert (ledger.rows, writer.directory.exists()) == ({}, True)


def test_a_half_written_frame_waits_for_its_rest(writer: Writer, ledger: Ledger, shipper: Shipper) -> None:
    data = frames.encode(Settle(make_record(1)))
    path = writer.directory / "0001.log"
    path.write_bytes(data[:20])
    assert shipper.ship() == 0
    path.write_bytes(data)
    assert (shipper.ship(), numbers(ledger)) == (1, [1])


def test_rule_12_a_dead_writers_open_requests_are_closed_free_and_its_journal_goes(
    writer: Writer, ledger: Ledger, shipper: Shipper
) -> None:
    start_ms = make_admitted(1).admitted_at_ms
    writer.write(Admit(make_admitted(1)), Admit(make_admitted(2)), First(UUID(int=1), start_ms + 70))
    writer.write(Settle(make_record(2)), Admit(make_admitted(3)), segment=2)
    writer.die()
    assert shipper.ship() == 3
    closed = ledger.rows[UUID(int=1)]
    assert (closed.outcome, closed.tokens, closed.usage_source) == (Outcome.INTERRUPTED, Tokens(), UsageSource.NONE)
    assert (closed.first_token_ms, closed.request_id, closed.stream) == (70, "req-1", True)
    assert ledger.rows[UUID(int=2)] == make_record(2)
    assert ledger.rows[UUID(int=3)].outcome is Outcome.INTERRUPTED
    assert (writer.directory.exists(), ledger.offsets) == (False, {})
    assert ledger.buried == {"host/1-2": {1, 2, 3}}


def test_an_interrupted_request_has_the_tokens_that_its_client_may_have_and_its_upstreams(
    writer: Writer, ledger: Ledger, shipper: Shipper
) -> None:
    first, second = UUID(int=1), UUID(int=2)
    given = Tokens(prompt=100, cached=40, completion=7, reasoning=2)
    noted = Progress(writer.directory)
    noted.note(first, given, UsageSource.COUNTED)
    writer.write(Admit(make_admitted(1)), Attempt(first, "a", 1), Attempt(first, "b", 2), Admit(make_admitted(2)))
    writer.die()
    shipper.ship()
    found = ledger.rows[first]
    assert (found.tokens, found.usage_source, found.upstream, found.attempts) == (given, UsageSource.COUNTED, "b", 2)
    assert (ledger.rows[second].tokens, ledger.rows[second].upstream) == (Tokens(), "")
    assert not writer.directory.exists()
    noted.close()


def test_a_live_writers_oldest_segments_go_once_nothing_is_open_in_them(
    writer: Writer, ledger: Ledger, shipper: Shipper
) -> None:
    writer.write(Admit(make_admitted(1)), Admit(make_admitted(2)), Settle(make_record(1)), segment=1)
    writer.write(Admit(make_admitted(3)), Settle(make_record(3)), segment=2)
    writer.write(Admit(make_admitted(4)), segment=3)
    shipper.ship()
    assert names(writer) == ["0001.log", "0002.log", "0003.log"]
    writer.write(Settle(make_record(2)), segment=4)
    shipper.ship()
    assert names(writer) == ["0003.log", "0004.log"]
    assert sorted(ledger.offsets) == ["host/1-2/0004.log"]
    writer.die()
    shipper.ship()
    assert numbers(ledger) == [1, 2, 3, 4]
    assert ledger.rows[UUID(int=4)].outcome is Outcome.INTERRUPTED


def test_segments_are_read_in_the_order_of_their_numbers(writer: Writer, ledger: Ledger, shipper: Shipper) -> None:
    writer.write(Admit(make_admitted(1)), segment=9999)
    writer.write(Settle(make_record(1)), segment=10000)
    shipper.ship()
    assert names(writer) == ["10000.log"]
    writer.write(Settle(make_record(2)), segment=10000)
    shipper.ship()
    assert numbers(ledger) == [1, 2]


def test_no_offset_outlives_its_file(writer: Writer, ledger: Ledger, shipper: Shipper, tmp_path: Path) -> None:
    writer.write(Settle(make_record(1)), Admit(make_admitted(2)))
    writer.die()
    ledger.remembers = True
    with pytest.raises(ExceptionGroup):
        shipper.ship()
    assert (writer.directory / "0001.log").exists()
    ledger.remembers = False
    Shipper(tmp_path, ledger, lambda: NOW).ship()
    assert (writer.directory.exists(), ledger.offsets, numbers(ledger)) == (False, {}, [1, 2])


def test_a_torn_tail_is_set_aside_and_hides_nothing_before_it(
    writer: Writer, ledger: Ledger, shipper: Shipper, tmp_path: Path
) -> None:
    writer.write(Settle(make_record(1)), Settle(make_record(2)), torn=3)
    writer.die()
    shipper.ship()
    assert numbers(ledger) == [1]
    assert [path.name for path in (tmp_path / "host").iterdir()] == ["1-2-0001.log.torn"]
    assert shipper.ship() == 0


def test_what_cannot_be_shipped_stays_and_goes_out_later(writer: Writer, ledger: Ledger, shipper: Shipper) -> None:
    writer.write(Settle(make_record(1)), Admit(make_admitted(2)))
    writer.die()
    ledger.away = True
    with pytest.raises(ExceptionGroup):
        shipper.ship()
    assert (ledger.rows, ledger.offsets, writer.directory.exists()) == ({}, {}, True)
    ledger.away = False
    assert (shipper.ship(), numbers(ledger)) == (2, [1, 2])


def test_an_unrecordable_record_is_set_aside_and_holds_up_no_other(
    writer: Writer, ledger: Ledger, shipper: Shipper, tmp_path: Path
) -> None:
    ledger.unrecordable = {UUID(int=1), UUID(int=3)}
    writer.write(*(Settle(make_record(number)) for number in (1, 2, 3)))
    shipper.ship()
    assert numbers(ledger) == [2]
    for number in (1, 3):
        kept = (tmp_path / f"{UUID(int=number)}.unrecordable").read_bytes()
        assert frames.decode(kept)[0] == [Settle(make_record(number))]
    assert shipper.ship() == 0


def test_one_writers_trouble_does_not_hold_up_the_others(
    writer: Writer, ledger: Ledger, shipper: Shipper, tmp_path: Path
) -> None:
    other = Writer(tmp_path, "3-4")
    body = b"\x92\x63\x00"  # a frame of a kind that is not known
    head = frames.HEAD.pack(len(body), zlib.crc32(body))
    (writer.directory / "0001.log").write_bytes(head + body + frames.encode(Settle(make_record(1))))
    other.write(Settle(make_record(2)))
    with pytest.raises(ExceptionGroup):
        shipper.ship()
    assert numbers(ledger) == [2]
    assert (writer.directory / "0001.log").exists()
    other.die()


def test_a_crash_between_any_two_steps_ships_each_record_once(tmp_path: Path, ledger: Ledger) -> None:
    writer = Writer(tmp_path)
    writer.write(*(Settle(make_record(number)) for number in range(1, 50)), Admit(make_admitted(50)))
    ledger.offsets["host/1-2/0001.log"] = 0
    for _ in range(3):
        Shipper(tmp_path, ledger, lambda: NOW).ship()  # a new one knows only what the ledger knows
        ledger.offsets.clear()
    writer.die()
    Shipper(tmp_path, ledger, lambda: NOW).ship()
    assert numbers(ledger) == list(range(1, 51))


def test_more_than_a_batch_is_shipped_in_order(writer: Writer, ledger: Ledger, shipper: Shipper) -> None:
    size = writer.write(*(Settle(make_record(number)) for number in range(1, 16_001)))
    assert shipper.ship() == 16_000
    assert ledger.appends > 1
    assert ledger.offsets["host/1-2/0001.log"] == size


class Stumbling(Shipper):
    """Fails a few times, then ships, then is told to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.passes = 0

    def ship(self) -> int:
        self.passes += 1
        if self.passes == 2:
            self.stop.set()
            return 1
        raise ExceptionGroup("m", [ConnectionError("row with CANARY")])


@pytest.mark.django_db  # what failed may have been the database: its connections are looked at
def test_a_failing_pass_is_tried_again_and_its_text_is_not_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship, "FIRST_WAIT_SECONDS", 0.001)
    stop = threading.Event()
    shipper = Stumbling(stop)
    ship.run(shipper, stop)
    assert shipper.passes == 2
    (line,) = caplog.records
    assert line.__dict__["crash"] == ["ConnectionError"]
    assert "CANARY" not in str(line.__dict__)
