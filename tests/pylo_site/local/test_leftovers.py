from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pylo_site.local.launch import birth
from pylo_site.local.leftovers import end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def orphan() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        reaper = threading.Thread(target=process.wait)  # as init does for a real orphan
        reaper.start()
        yield process
        process.kill()
        reaper.join()


def test_a_noted_process_is_ended_and_the_note_forgotten(tmp_path: Path, orphan: subprocess.Popen[bytes]) -> None:
    (tmp_path / "web.pid").write_text(f"{orphan.pid} {birth(orphan.pid)}\n")
    assert end(tmp_path) == 1
    assert birth(orphan.pid) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_pid_that_is_anothers_by_now_is_left_alone(tmp_path: Path, orphan: subprocess.Popen[bytes]) -> None:
    (tmp_path / "web.pid").write_text(f"{orphan.pid} 1\n")
    assert end(tmp_path) == 0
    assert orphan.poll() is None
    assert list(tmp_path.iterdir()) == []


def test_a_note_that_was_cut_off_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "web.pid").write_text("")
    (tmp_path / "beat.pid").write_text("12")
    assert end(tmp_path) == 0
