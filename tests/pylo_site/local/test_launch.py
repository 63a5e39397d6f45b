from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pylo_site.local.children import command
from pylo_site.local.launch import birth
from tests.pylo_site.local.conftest import eventually

PARENT = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); print('ready', flush=True); time.sleep(600)"
WAIT: list[str | Path] = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_the_program_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    note = tmp_path / "child.pid"
    words = [sys.executable, "-c", PARENT, *command(WAIT, pidfile=note)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as parent:
        eventually(lambda: note.exists() and bool(note.read_text()), "the child's note")
        pid, born = note.read_text().split()
        assert birth(int(pid)) == born
        eventually(lambda: b"launch.py" not in Path(f"/proc/{pid}/cmdline").read_bytes(), "the program itself")
        parent.kill()
    eventually(lambda: birth(int(pid)) == "", "the child gone")


def test_signals_that_were_ignored_work_again() -> None:
    with subprocess.Popen(command(WAIT), preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)) as process:  # noqa: PLW1509 - no threads here
        eventually(lambda: b"launch.py" not in Path(f"/proc/{process.pid}/cmdline").read_bytes(), "the program itself")
        process.terminate()
    assert process.returncode == -signal.SIGTERM


def test_a_missing_program_is_told_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(command([tmp_path / "nothing"]), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path / 'nothing'}: No such file or directory\n")


@pytest.mark.parametrize("pid", [2**22 + 1])
def test_a_process_that_is_not_there_has_no_birth(pid: int) -> None:
    assert birth(pid) == ""
    assert birth(os.getpid()) != ""
