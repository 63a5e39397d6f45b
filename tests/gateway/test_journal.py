from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, get_args, get_type_hints
from uuid import UUID

import pytest

from gateway import frames, journal, preallocation
from gateway.frames import Admit, First, Settle
from gateway.journal import LONGEST_END, Journal
from gateway.ports import StoreUnavailable
from tests.gateway.records import make_admitted, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.frames import Frame
    from gateway.meter import Admitted


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "host" / "1-2"


def written(directory: Path) -> list[Frame]:
    return [frame for path in sorted(directory.glob("*.log")) for frame in frames.decode(path.read_bytes())[0]]


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.log"))


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def kept(log: Journal, admitted: Admitted) -> None:
    await log.admit(admitted)
    await log.sync()


async def test_what_is_written_can_be_read_at_once(directory: Path) -> None:
    log = Journal(directory)
    await kept(log, make_admitted())
    log.first(UUID(int=1), 7)
    log.settle(make_record())
    assert written(directory) == [Admit(make_admitted()), First(UUID(int=1), 7), Settle(make_record())]
    await log.close()


async def test_only_its_owner_may_read_it(directory: Path) -> None:
    log = Journal(directory)
    assert [_mode(path) for path in (directory, directory / "0001.log")] == [0o700, 0o600]
    await log.close()


async def test_its_lock_is_held_while_it_lives(directory: Path) -> None:
    log = Journal(directory)
    assert journal.lock(directory) is None
    await log.close()
    free = journal.lock(directory)
    assert free is not None
    os.close(free)


async def test_a_full_segment_is_followed_by_another(directory: Path) -> None:
    log = Journal(directory, segment_bytes=600)
    for number in range(1, 6):
        log.settle(make_record(number))
    await log.sync()
    assert _names(directory) == [f"{number:04d}.log" for number in range(1, 6)]
    assert written(directory) == [Settle(make_record(number)) for number in range(1, 6)]
    await log.close()


async def test_all_who_wait_share_an_fsync(directory: Path, fsyncs: list[int]) -> None:
    log = Journal(directory)
    await asyncio.gather(*(kept(log, make_admitted(number)) for number in range(1, 101)))
    assert len(written(directory)) == 100
    assert len(fsyncs) == 1
    await log.close()


async def test_nothing_to_sync_costs_no_fsync(directory: Path, fsyncs: list[int]) -> None:
    log = Journal(directory)
    await log.sync()
    assert fsyncs == []
    await log.close()


@pytest.fixture
def fsyncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The files the disk was asked to keep."""
    calls: list[int] = []
    real = os.fdatasync

    def count(file: int) -> None:
        calls.append(file)
        real(file)

    monkeypatch.setattr(os, "fdatasync", count)
    return calls


async def test_a_failed_fsync_is_told_and_all_is_written_again_elsewhere(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Journal(directory)
    await kept(log, make_admitted(1))
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", _fail)
        log.settle(make_record(1))
        with pytest.raises(StoreUnavailable):
            await kept(log, make_admitted(2))
    assert frames.decode((directory / "0002.log").read_bytes())[0] == [Settle(make_record(1)), Admit(make_admitted(2))]
    await kept(log, make_admitted(3))
    assert written(directory)[-1] == Admit(make_admitted(3))
    await log.close()


def _fail(_file: int) -> None:
    raise OSError(5, "Input/output error")


async def test_a_full_disk_leaves_no_torn_frame(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Journal(directory)
    log.settle(make_record(1))
    real = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data: real(file, data[:9]))
        with pytest.raises(StoreUnavailable):
            log.settle(make_record(2))
    log.settle(make_record(3))
    assert written(directory) == [Settle(make_record(1)), Settle(make_record(3))]
    await log.close()


async def test_what_could_not_be_written_again_is_written_when_the_disk_is_back(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Journal(directory)
    await log.sync()
    log.settle(make_record(1))
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", _fail)
        broken.setattr(os, "write", lambda _file, _data: 0)
        with pytest.raises(StoreUnavailable):
            await log.sync()
    (directory / "0001.log").unlink()  # as good as: its pages may be gone
    await log.sync()
    assert written(directory) == [Settle(make_record(1))]
    await log.close()


async def test_a_new_files_name_is_on_disk_before_what_is_in_it_is_told_to_be(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: named.append(os.fstat(file).st_ino))
    log = Journal(directory, segment_bytes=600)
    assert named == [_inode(directory.parent), _inode(directory.parent.parent)]
    log.settle(make_record(1))
    log.settle(make_record(2))
    assert named[2:] == []  # not on the event loop
    await log.sync()
    assert named[2:] == [_inode(directory)]
    log.first(UUID(int=1), 7)
    await log.sync()
    assert named[3:] == []
    await log.close()


async def test_nothing_is_written_behind_a_frame_that_stays_torn(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Journal(directory)
    real = os.write
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", lambda file, data: real(file, data[:9]))
        broken.setattr(os, "ftruncate", lambda _file, _size: _fail(0))
        with pytest.raises(StoreUnavailable):
            log.settle(make_record(1))
    log.settle(make_record(2))
    assert written(directory) == [Settle(make_record(2))]
    assert _names(directory) == ["0001.log", "0002.log"]
    await log.close()


async def test_a_closed_journal_writes_nowhere(directory: Path, tmp_path: Path) -> None:
    log = Journal(directory)
    await log.close()
    others = [tmp_path / name for name in "abc"]
    with contextlib.ExitStack() as opened:
        for path in others:  # one of them may have the number that the closed file had
            opened.enter_context(path.open("wb"))
        with pytest.raises(StoreUnavailable):
            log.settle(make_record(1))
    assert [path.read_bytes() for path in others] == [b""] * 3


async def test_a_request_is_admitted_only_where_the_ends_of_all_that_run_have_room(directory: Path) -> None:
    log = Journal(directory, segment_bytes=4 * LONGEST_END)
    await admit_until_the_next_segment(log, directory)
    left = 4 * LONGEST_END - (directory / "0001.log").stat().st_size
    assert 2 * LONGEST_END <= left < 2 * LONGEST_END + 200  # half of a segment, however many run
    await log.close()


async def admit_until_the_next_segment(log: Journal, directory: Path) -> None:
    for number in range(100):
        await log.admit(make_admitted(number))
        if len(_names(directory)) > 1:
            return


async def test_on_a_full_disk_nobody_is_let_in_and_who_was_is_recorded(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Journal(directory, segment_bytes=4 * LONGEST_END)
    await log.admit(make_admitted(1))
    monkeypatch.setattr(preallocation, "fallocate", lambda *_: errno.ENOSPC)
    with pytest.raises(StoreUnavailable):
        await admit_until_the_next_segment(log, directory)
    log.settle(make_record(1))
    await log.close()
    assert _names(directory) == ["0001.log"]
    assert written(directory)[-1] == Settle(make_record(1))


async def test_a_segments_blocks_are_taken_ahead_and_given_back(directory: Path) -> None:
    log = Journal(directory, segment_bytes=2**20)
    await log.admit(make_admitted(1))
    status = (directory / "0001.log").stat()
    assert (status.st_blocks * 512 >= 2**20, status.st_size < 1000) == (True, True)
    await log.close()
    assert (directory / "0001.log").stat().st_blocks * 512 <= 2**13


async def test_a_disk_that_takes_no_blocks_ahead_is_used_all_the_same(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(preallocation, "fallocate", lambda *_: errno.EOPNOTSUPP)
    log = Journal(directory)
    await log.admit(make_admitted(1))
    await log.close()
    assert written(directory) == [Admit(make_admitted(1))]
    assert "takes no blocks ahead" in caplog.text


def words_of(kind: object) -> set[str]:
    """Return the names of all texts that a type can hold, wherever in it."""
    found: set[str] = set()
    for name, hint in get_type_hints(kind).items():
        for part in (hint, *get_args(hint)):
            if part is str:
                found.add(name)
            elif is_dataclass(part):
                found |= words_of(part)
    return found


def test_no_frame_has_a_field_that_words_of_a_prompt_or_an_answer_fit_in() -> None:
    names = set().union(*(words_of(kind) for kind in get_args(frames.Frame)))
    assert names == {"request_id", "model", "upstream", "fault", "finish_reason", "error_code"}


WRITER = """
import asyncio, sys
from pathlib import Path
from gateway.journal import LONGEST_END, Journal
from tests.gateway.records import make_admitted, make_record
async def main():
    log = Journal(Path(sys.argv[1]), segment_bytes=4000)
    for number in range(1, 10_000):
        await log.admit(make_admitted(number))
        await log.sync()
        log.settle(make_record(number))
        await log.sync()
        print(number, flush=True)
asyncio.run(main())
"""


@pytest.fixture
def killed(directory: Path) -> Iterator[tuple[int, Path]]:
    """A writer that was killed at work: the last number it was told to be safe, and its journal."""
    command = [sys.executable, "-c", WRITER, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) == 40:
                writer.kill()
                break
        rest = [int(line) for line in writer.stdout if line.endswith("\n")]
    yield max([40, *rest]), directory
    shutil.rmtree(directory)


def test_a_killed_writer_loses_nothing_it_was_told_to_be_safe(killed: tuple[int, Path]) -> None:
    safe, directory = killed
    found = written(directory)
    settled = [frame.record.uid.int for frame in found if isinstance(frame, Settle)]
    assert settled[:safe] == list(range(1, safe + 1))
    free = journal.lock(directory)
    assert free is not None
    os.close(free)


async def test_who_writes_between_an_fsync_and_its_count_is_served_too(directory: Path) -> None:
    log = Journal(directory)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kept(log, make_admitted(1)))
        await asyncio.sleep(0)
        flushing = log._flushing
        assert flushing is not None
        while not flushing.done():  # noqa: ASYNC110 - to be next in line at that very moment
            await asyncio.sleep(0)
        await kept(log, make_admitted(2))
    assert written(directory) == [Admit(make_admitted(1)), Admit(make_admitted(2))]
    await log.close()


async def test_the_disk_works_while_the_caller_does(directory: Path, fsyncs: list[int]) -> None:
    log = Journal(directory)
    await log.admit(make_admitted(1))
    flushing = log._flushing
    assert flushing is not None
    await flushing
    assert len(fsyncs) == 1
    await log.sync()  # it is there already
    assert len(fsyncs) == 1
    await log.close()


async def test_a_write_that_failed_meanwhile_is_tried_again_by_who_waits(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Journal(directory)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", _fail)
        await log.admit(make_admitted(1))
        flushing = log._flushing
        assert flushing is not None
        with pytest.raises(OSError, match="Input/output error"):
            await flushing
    await log.sync()
    assert written(directory)[-1] == Admit(make_admitted(1))
    await log.close()
