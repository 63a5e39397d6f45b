from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.processes import cores, cpu_seconds, family, memory_mb, pinned, running
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

BUSY = """
import time
while time.process_time() < 0.1:
    pass
print(flush=True)
input()
"""


def test_what_starts_in_the_block_is_pinned_and_we_are_not() -> None:
    before = os.sched_getaffinity(0)
    core = min(before)
    with pinned(core):
        asked = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert (told.strip(), os.sched_getaffinity(0)) == (f"{{{core}}}", before)


def test_one_core_is_not_enough() -> None:
    with pinned(min(os.sched_getaffinity(0))), pytest.raises(Trouble, match="two cores"):
        cores()


def test_a_process_and_its_children_are_counted_together() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        assert 0.04 <= cpu_seconds(child.pid) < 5
        assert memory_mb(child.pid) > 1
        child.kill()


def test_a_child_runs_on_its_core_and_ends_with_the_block(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    words = [sys.executable, "-c", "print('here', flush=True); input()"]
    with running("child", words, env={}, core=core, log=tmp_path / "logs" / "child.log") as process:
        assert os.sched_getaffinity(process.pid) == {core}
    assert process.child.returncode is not None


def test_a_child_that_ended_is_told_with_its_last_words(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('no good')"]
    with running("child", words, env={}, core=min(os.sched_getaffinity(0)), log=tmp_path / "child.log") as process:
        process.child.wait()
        with pytest.raises(Trouble, match=r"child ended with 1:\n +no good"):
            process.must_run()
