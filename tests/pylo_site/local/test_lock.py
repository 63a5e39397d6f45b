from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pylo_site.local.lock import Lock
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import pathlib, sys
from pylo_site.local.lock import Lock
Lock(pathlib.Path(sys.argv[1]), "")
print("held", flush=True)
input()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    process.stdout.close()
    return process


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as first:
        with pytest.raises(Trouble, match=f"^held by {first.pid}$"):
            Lock(tmp_path / "lock", "held by {pid}")
        first.kill()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as first:
        first.kill()
        first.wait(10)
    Lock(tmp_path / "lock", "").release()
