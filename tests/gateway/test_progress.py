"""How far a request is, can be read after its process was killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import progress
from gateway.progress import Noted, Progress
from gateway.usage import Tokens, UsageSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE, TWO = UUID(int=(1 << 100) + 1), UUID(int=(1 << 100) + 2)
COUNTED, UPSTREAM = UsageSource.COUNTED, UsageSource.UPSTREAM
WRITER = """
import sys
from pathlib import Path
from uuid import UUID
from gateway.progress import Progress
from gateway.usage import Tokens, UsageSource
noted, count = Progress(Path(sys.argv[1])), 0
while True:
    count += 1
    noted.note(UUID(int=(1 << 100) + 1), Tokens(9, 9, count, count), UsageSource.COUNTED)
    if count % 1000 == 0:
        print(count, flush=True)
"""


@pytest.fixture
def noted(tmp_path: Path) -> Iterator[Progress]:
    noted = Progress(tmp_path)
    yield noted
    noted.close()


def test_the_last_note_of_each_request_is_read(noted: Progress, tmp_path: Path) -> None:
    noted.note(ONE, Tokens(10, 4, 1, 1), COUNTED)
    noted.note(TWO, Tokens(20, 0, 5, 0), COUNTED)
    noted.note(ONE, Tokens(11, 4, 2, 1), UPSTREAM)
    assert progress.read(tmp_path) == {
        ONE: Noted(Tokens(11, 4, 2, 1), UPSTREAM),
        TWO: Noted(Tokens(20, 0, 5, 0), COUNTED),
    }


def test_what_has_ended_is_gone_and_its_slot_is_anothers(noted: Progress, tmp_path: Path) -> None:
    noted.note(ONE, Tokens(1, 1, 1, 1), COUNTED)
    noted.end(ONE)
    noted.end(ONE)
    assert progress.read(tmp_path) == {}
    noted.note(TWO, Tokens(2), COUNTED)
    assert progress.read(tmp_path) == {TWO: Noted(Tokens(2), COUNTED)}


def test_more_requests_than_slots_have_a_second_file(
    noted: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = [UUID(int=(1 << 100) + number) for number in range(progress.SLOTS + 1)]
    for number, uid in enumerate(uids):
        noted.note(uid, Tokens(completion=number), COUNTED)
    assert sorted(path.name for path in tmp_path.glob(progress.NAME)) == ["0001.progress", "0002.progress"]
    found = progress.read(tmp_path)
    assert {uid: found[uid].tokens.completion for uid in uids} == {uid: number for number, uid in enumerate(uids)}


counts = st.integers(0, 2**32 - 1)


@given(
    uid=st.uuids(version=4),
    tokens=st.builds(Tokens, counts, counts, counts, counts),
    source=st.sampled_from(list(UsageSource)),
)
def test_any_counts_are_read_as_they_were_noted(
    tmp_path_factory: pytest.TempPathFactory, uid: UUID, tokens: Tokens, source: UsageSource
) -> None:
    directory = tmp_path_factory.mktemp("progress")
    noted = Progress(directory)
    noted.note(uid, tokens, source)
    assert progress.read(directory) == {uid: Noted(tokens, source)}
    noted.close()


@pytest.mark.parametrize("data", [b"", b"x" * 63, b"\xff" * 64, bytes(64)])
def test_what_is_no_slot_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "0001.progress").write_bytes(data)
    assert progress.read(tmp_path) == {}


def test_a_full_disk_is_told_when_a_file_is_made_and_never_by_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        Progress(tmp_path)


def test_a_killed_process_leaves_at_least_what_it_told_of(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(20)][-1]
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    found = progress.read(tmp_path)[ONE]
    assert found.tokens.completion >= told
    assert found.tokens == Tokens(9, 9, found.tokens.completion, found.tokens.completion)
