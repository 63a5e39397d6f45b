from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.metrics import families
from gateway.metrics.cells import NAMES, ROOM, SUFFIX, Cells

if TYPE_CHECKING:
    from pathlib import Path

KILLED = """
import os, pathlib, signal, sys
from gateway.metrics import families
from gateway.metrics.cells import Cells
cells = Cells(pathlib.Path(sys.argv[1]))
cells.values[cells.take(families.TRIPS, ("first",))] += 3
os.kill(os.getpid(), signal.SIGKILL)
"""


def count(cells: Cells, *, by: float = 1.0) -> None:
    at = cells.take(families.TRIPS, ("first",))
    assert at is not None
    cells.values[at] += by


def counted(cells: Cells) -> list[tuple[bool, float]]:
    """What each process has, our own first."""
    return [(each.alive, each.series["pylo_breaker_trips", "first"][0]) for each in cells.readings()]


def test_a_process_reads_what_another_one_counted(tmp_path: Path) -> None:
    ours, theirs = Cells(tmp_path), Cells(tmp_path)
    count(ours, by=2)
    count(theirs, by=5)
    assert counted(ours) == [(True, 2), (True, 5)]
    assert counted(theirs) == [(True, 5), (True, 2)]


def test_what_a_process_counted_stays_when_it_ends(tmp_path: Path) -> None:
    ours, theirs = Cells(tmp_path), Cells(tmp_path)
    count(ours)
    count(theirs, by=5)
    theirs.close()
    count(theirs)  # too late, and no error
    assert counted(ours) == [(True, 1), (False, 5)]


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    ours = Cells(tmp_path)
    count(ours)
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, timeout=30)
    assert counted(ours) == [(True, 1), (False, 3)]


def test_the_first_of_a_new_start_begins_at_nothing(tmp_path: Path) -> None:
    old = Cells(tmp_path)
    count(old)
    old.close()
    new = Cells(tmp_path)
    assert [reading.series for reading in new.readings()] == [{}]
    assert len(list(tmp_path.iterdir())) == 1


def test_while_one_lives_no_sum_shrinks(tmp_path: Path) -> None:
    living, old = Cells(tmp_path), Cells(tmp_path)
    count(living)
    count(old)
    old.close()
    late = Cells(tmp_path)
    count(late)
    assert sorted(counted(late)) == [(False, 1), (True, 1), (True, 1)]


@pytest.mark.parametrize("torn", [b"", b"short", b"x" * NAMES, b"pylo-01\n" + bytes(NAMES) + b'["no_such"]\n'])
def test_a_file_that_is_not_one_of_ours_is_passed_over(tmp_path: Path, torn: bytes) -> None:
    cells = Cells(tmp_path)
    count(cells)
    (tmp_path / f"1-00{SUFFIX}").write_bytes(torn)
    assert counted(cells) == [(True, 1)]


def test_a_line_that_is_half_written_is_not_read(tmp_path: Path) -> None:
    theirs = Cells(tmp_path)
    (path,) = tmp_path.iterdir()
    ours = Cells(tmp_path)
    count(ours)
    count(theirs)
    with path.open("ab") as file:
        file.write(b'["pylo_breaker_trips","seco')
    assert counted(ours) == [(True, 1), (True, 1)]


def test_where_no_file_can_be_written_a_process_counts_for_itself(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    cells = Cells(tmp_path / "taken")
    count(cells)
    assert counted(cells) == [(True, 1)]


def test_there_is_an_end_to_the_room(tmp_path: Path) -> None:
    cells = Cells(tmp_path)
    taken = 0
    while cells.take(families.TOKEN_USAGE, (str(taken),)) is not None:
        taken += 1
    assert taken == (ROOM - 64) // families.TOKEN_USAGE.cells
    cells.values[cells.nowhere + families.FIRST_TOKEN.cells] += 1
